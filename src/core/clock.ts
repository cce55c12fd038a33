/** Where decisions get the time from; tests pass their own. Milliseconds since 1970. */
export interface Clock {
  now(): number
}
