import type { Duration } from './duration.ts'

/** How long what a job leaves behind is kept. Each may be left out. */
export interface Retention {
  /** The job itself, once completed or cancelled; `false`: not at all. @default the task's, else 24 h */
  readonly finished?: Duration | false | undefined
  /** The job itself, once given up. @default the task's, else until it is redriven or purged */
  readonly dead?: Duration | undefined
  /** What its handlers logged; `false`: nothing. Up to 35 days. @default the task's, else the runner's `keepLogs` */
  readonly logs?: Duration | false | undefined
}

/** `Retention` as a job has it: milliseconds. */
export interface JobRetention {
  readonly finished?: number | false
  readonly dead?: number
  readonly logs?: number | false
}
