import { inject } from 'vitest'

/** Whether the tests of this run reach their databases through a pooler (scripts/pgbouncer.ts). */
export function hasPooler(): boolean {
  return inject('poolerPort') !== null
}

/** The same database and user, by way of the run's pooler, if there is one. */
export function throughPooler(directConnectionString: string): string {
  const port = inject('poolerPort')
  if (port === null) return directConnectionString
  const url = new URL(directConnectionString)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return url.href
}
