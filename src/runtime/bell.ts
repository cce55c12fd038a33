import { startTimer } from './timer.ts'

/** Wakes who sleeps. A ring while nobody sleeps is kept for the next sleep, so none is missed. */
export class Bell {
  readonly #sleepers = new Set<() => void>()
  #rung = false

  ring(): void {
    this.#rung = this.#sleepers.size === 0
    for (const wake of this.#sleepers) wake()
  }

  /** Resolves at the next ring, or after `ms` without one. */
  async sleep(ms = Infinity): Promise<void> {
    if (this.#rung) {
      this.#rung = false
      return
    }
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.stop()
        this.#sleepers.delete(wake)
        resolve()
      }
      const timer = startTimer(ms, wake)
      this.#sleepers.add(wake)
    })
  }
}
