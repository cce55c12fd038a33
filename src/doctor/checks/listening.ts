import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { listenForDoctor, notifyDoctor } from '../../store/examine.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'

/** How often a session that has said something looks whether it has heard it. A server tells it before its next answer. */
const LOOKS = 10
/** Milliseconds in between, for what is still under way. */
const LOOK_INTERVAL = 100

/** Whether a session hears what it says itself, as workers must to be woken. Behind a pooler it does not. */
export async function checkListening(
  { openSession, schema }: Pick<Patient, 'openSession' | 'schema'>,
  looks = LOOKS,
): Promise<readonly Finding[]> {
  await using session = await openSession()
  const token = randomUUID()
  await listenForDoctor(session, schema)
  const first = await notifyDoctor(session, schema, token)
  const second = await notifyDoctor(session, schema, token)
  if (first !== second)
    return [
      pooled(`Each statement is sent to another session of the server (pid ${first}, then pid ${second}).`),
    ]
  for (let look = 0; look < looks && !session.heard.includes(token); look++) await delay(LOOK_INTERVAL)
  if (session.heard.includes(token))
    return [finding('listening', 'listen_works', 'A session hears what it is told (LISTEN).')]
  return [pooled('A session does not hear what it tells itself (LISTEN).')]
}

function pooled(what: string): Finding {
  return finding(
    'listening',
    'listen_pooled',
    `${what} There is a pooler in between: workers find jobs by polling only, and a killed one is missed when its lease is over.`,
    {
      remedy: 'Give runners a connection past the pooler, beside the other.',
      command: 'export KONGTASK_DIRECT_DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE',
    },
  )
}
