/** What a variable that is not ours says of a setting. */
export interface AmbientSetting {
  readonly name: 'connectionString' | 'schema'
  readonly value: string
  readonly source: string
}

/** Of those by which PostgreSQL's own programs find a database. */
const PG_VARIABLES = ['PGHOST', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD']

/** Variables that other programs read, too. They say what nothing of ours says, the first that can be used. */
export function ambientSettings(env: Readonly<Record<string, string | undefined>>): AmbientSetting[] {
  const { DATABASE_URL = '', GRAPHILE_WORKER_SCHEMA = '' } = env
  const given = PG_VARIABLES.filter((name) => (env[name] ?? '') !== '')
  return [
    ...(DATABASE_URL === ''
      ? []
      : [{ name: 'connectionString', value: DATABASE_URL, source: 'DATABASE_URL' } as const]),
    ...(given.length === 0
      ? []
      : // The driver reads the variables wherever the text says nothing.
        [{ name: 'connectionString', value: 'postgresql://', source: given.join(', ') } as const]),
    ...(GRAPHILE_WORKER_SCHEMA === ''
      ? []
      : [{ name: 'schema', value: GRAPHILE_WORKER_SCHEMA, source: 'GRAPHILE_WORKER_SCHEMA' } as const]),
  ]
}
