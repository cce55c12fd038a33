/** The facts about a job that every event about it carries. */
export interface JobFacts {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly attempt: number
  readonly maxAttempts: number
}
