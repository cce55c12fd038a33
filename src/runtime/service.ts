/** Something with a lifetime. Both calls are idempotent, and stopping what never started is legal. */
export interface Service {
  start(): Promise<void>
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>
}
