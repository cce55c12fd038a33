/**
 * `fine`: as it should be. `note`: worth knowing, nothing is wrong. `warning`: it works, and somebody should look.
 * `error`: something cannot work.
 */
export type Severity = 'fine' | 'note' | 'warning' | 'error'

/** Every finding there is, and how bad it is. docs/cli.md says what each means. */
export const SEVERITIES = {
  node_supported: 'fine',
  node_too_old: 'error',
  database_answers: 'fine',
  database_unreachable: 'error',
  server_supported: 'fine',
  server_too_old: 'error',
  server_read_only: 'error',
  schema_current: 'fine',
  schema_missing: 'error',
  schema_behind: 'error',
  schema_foreign: 'error',
  schema_too_new: 'error',
  role_may_add: 'fine',
  role_may_not_add: 'error',
  role_may_work: 'fine',
  role_may_not_work: 'note',
  role_works_in_part: 'warning',
  role_may_administer: 'fine',
  role_may_not_administer: 'note',
  indexes_sound: 'fine',
  index_missing: 'error',
  index_invalid: 'error',
  tables_sound: 'fine',
  autovacuum_off: 'error',
  table_not_vacuumed: 'error',
  table_dead_rows: 'warning',
  table_large: 'note',
  vacuum_free: 'fine',
  vacuum_held_back: 'warning',
  vacuum_unseen: 'note',
  listen_works: 'fine',
  listen_pooled: 'warning',
  clocks_agree: 'fine',
  clocks_differ: 'warning',
  workers_alive: 'fine',
  workers_none: 'warning',
  worker_silent: 'warning',
  tasks_served: 'fine',
  task_unserved: 'warning',
  queues_served: 'fine',
  queue_unserved: 'warning',
  queue_paused: 'warning',
  check_denied: 'note',
  check_failed: 'warning',
} as const satisfies Readonly<Record<string, Severity>>

export type FindingCode = keyof typeof SEVERITIES

/** Something that was looked at, as it was found. */
export interface Finding {
  /** What was looked at, such as `schema`. */
  readonly check: string
  /** Stable, for programs. */
  readonly code: FindingCode
  readonly severity: Severity
  /** What was seen, in a sentence or two. */
  readonly what: string
  /** What to do, in a sentence; null where there is nothing to do. */
  readonly remedy: string | null
  /** The same as a line for a shell; `$DATABASE_URL` and words in capitals are for the reader to fill in. */
  readonly command: string | null
}

export interface Remedy {
  readonly remedy: string
  readonly command: string
}

export function finding(check: string, code: FindingCode, what: string, remedy?: Remedy): Finding {
  return {
    check,
    code,
    severity: SEVERITIES[code],
    what,
    remedy: remedy?.remedy ?? null,
    command: remedy?.command ?? null,
  }
}

/** Whether nobody has to do anything. */
export function isWell(found: readonly Finding[]): boolean {
  return found.every(({ severity }) => severity === 'fine' || severity === 'note')
}
