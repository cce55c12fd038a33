import pg from 'pg'
import { KongTaskError } from '../core/errors.ts'
import type { OneSession } from './one-session.ts'
import { SessionSocket } from './session-socket.ts'

/** A pool of connections that share PGlite's one session. A runner that is given it makes its own in the same way. */
export function sessionPool(session: OneSession, max: number): pg.Pool {
  const stream = (): SessionSocket => new SessionSocket(session)
  const pool = new pg.Pool({ stream, max, Client: SessionClient })
  // Whoever waits for a connection that broke is told; without a listener it would end the process.
  pool.on('error', ignoreError)
  pool.on('connect', (client) => void client.on('error', ignoreError))
  return pool
}

/**
 * What would wait for ever is refused: a statement outside of a transaction, sent from within it, gets its turn when that
 * transaction ends, which waits for the statement.
 */
class SessionClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    const socket = config.stream?.()
    super(socket === undefined ? config : { ...config, stream: () => socket })
    if (!(socket instanceof SessionSocket)) return
    const query: unknown = Reflect.get(this, 'query')
    if (typeof query !== 'function') throw new TypeError('a client has no query')
    Reflect.set(this, 'query', (...args: readonly unknown[]): unknown => {
      const last = args.at(-1)
      if (socket.wouldWaitForItself) {
        if (!isCallback(last)) return Promise.reject(refusal())
        process.nextTick(last, refusal())
        return undefined
      }
      if (BEGIN.test(textOf(args[0]))) socket.begins()
      return Reflect.apply(query, this, args)
    })
  }
}

function ignoreError(): void {}

const BEGIN = /^\s*(?:begin|start\s+transaction)\b/i

function refusal(): KongTaskError {
  return new KongTaskError(
    'KT_TEST_SESSION',
    'Inside a transaction, something was sent to the database that is not part of it. PGlite has one session, so it would wait for that transaction, which waits for it. Within `withTransaction` use its `tx` (`ctx.with(tx).addJob`, `ctx.step(name, work, { tx })`), do it before or behind, or test on a server: createTestKongTask({ connectionString }).',
  )
}

function textOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  if (typeof statement !== 'object' || statement === null || !('text' in statement)) return ''
  return typeof statement.text === 'string' ? statement.text : ''
}

function isCallback(value: unknown): value is (error: unknown) => void {
  return typeof value === 'function'
}
