/** Proof of ownership of a running job: a process and one of its claims. Compared for equality, never used twice. */
export interface Lease {
  readonly worker: number
  readonly claim: number
}
