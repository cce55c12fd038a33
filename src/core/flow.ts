/**
 * What happened to the jobs of a task in a queue between two looks, as far as it was committed when the second looked. What was
 * written before a look and is committed after it is in no flow: no number in a job says when it was committed.
 */
export interface TaskFlow {
  readonly queue: string
  readonly task: string
  readonly added: number
  readonly completed: number
  /** Attempts that failed: those that are tried again, and dead letters. */
  readonly failed: number
}

/** A look at what goes through, to be handed back to the next one. What is in it may change. */
export interface FlowMark {
  /** When that was, in microseconds since 1970, by the database's clock. */
  readonly at: string
  readonly newest: string
  readonly days: readonly string[]
  readonly blocks: readonly string[]
}

/** What went through since another look. */
export interface Flow {
  readonly mark: FlowMark
  /** Milliseconds between the two; 0 of a first one. */
  readonly ms: number
  /** By queue and task; only those of which something is to be told. Empty of a first look. */
  readonly tasks: readonly TaskFlow[]
}
