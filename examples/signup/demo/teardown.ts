interface Step {
  readonly what: string
  readonly undo: () => unknown
}

/** What has been started and must be stopped, in the opposite order. One step that fails does not keep the others. */
export class Teardown {
  readonly #steps: Step[] = []

  add(what: string, undo: () => unknown): void {
    this.#steps.push({ what, undo })
  }

  /** Returns what could not be stopped, in words. */
  async run(): Promise<string[]> {
    const problems: string[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo()
      } catch (error) {
        problems.push(
          `could not stop ${step.what}: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    }
    return problems
  }
}
