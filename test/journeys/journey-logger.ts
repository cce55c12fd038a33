/** Says nothing, so that what tests provoke does not fill the screen. */
export const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
