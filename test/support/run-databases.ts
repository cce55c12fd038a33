import { Client } from 'pg'

/** Runs statements on a connection of their own. CREATE DATABASE and DROP DATABASE want no transaction around them. */
export async function withClient<T>(
  connectionString: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString, application_name: 'kongtask test' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Drops what tests that failed, and the template, have left on a server that is not ours. */
export async function dropDatabasesOf(prefix: string, adminConnectionString: string): Promise<void> {
  await withClient(adminConnectionString, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [prefix],
    )
    for (const { datname } of rows) {
      await admin.query(`drop database if exists ${admin.escapeIdentifier(datname)} with (force)`)
    }
  })
}

/** The same server and user, another database. */
export function connectionStringFor(database: string, connectionString: string): string {
  const url = new URL(connectionString)
  url.pathname = `/${database}`
  return url.href
}
