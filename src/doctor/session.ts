import { Client } from 'pg'
import type { Session } from './patient.ts'

/** Milliseconds for a connection, and for each answer. */
const DEADLINE = 10_000

/** A session on a connection of its own. @throws what PostgreSQL or the network says */
export async function openSession(connectionString: string): Promise<Session> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: DEADLINE,
    query_timeout: DEADLINE,
    application_name: 'kongtask doctor',
  })
  const heard: string[] = []
  // A connection that breaks fails the statement, which is how it is told.
  client.on('error', () => undefined)
  client.on('notification', ({ payload = '' }) => heard.push(payload))
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  return {
    heard,
    query: (text, values) => client.query<object>(text, [...values]),
    [Symbol.asyncDispose]: () => client.end().catch(() => undefined),
  }
}
