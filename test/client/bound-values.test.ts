// No value gets into a statement's text: whatever is said from outside, PostgreSQL is sent the statements of sql/queries, with
// the schema's name put in, and nothing else.
import { KongTask, run, defineTask, handle, RetryableError, type Runner } from 'kongtask'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { forSchema } from '../../src/store/statement.ts'
import * as statements from '../../src/store/statements.generated.ts'
import { silent } from '../journeys/journey-logger.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/wait.ts'

const SCHEMA = 'bound_values'
/** Ends a literal, an identifier, a statement and a comment, if anybody lets it. */
const HOSTILE = `zq7'"; drop schema ${SCHEMA} cascade; --$1 $$ \\ */`
/** Where names have a form, what is in that form; it must not get into a text either. */
const NAME = 'zq7/name'

const CONTROL: ReadonlySet<string> = new Set(['begin', 'commit', 'rollback'])
const ours: ReadonlySet<string> = new Set(
  Object.values(statements).map(({ text }) => forSchema(text, SCHEMA).trim()),
)

let database: TestDatabase
let sent: string[]
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  await using kong = new KongTask({ pool: database.pool, schema: SCHEMA })
  await kong.migrate()
})
afterAll(() => database.drop())
beforeEach(() => {
  sent = []
  const query: unknown = Reflect.get(pg.Client.prototype, 'query')
  if (typeof query !== 'function') throw new TypeError('a client has no query')
  vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function record(
    this: pg.Client,
    ...args: unknown[]
  ) {
    const [first] = args
    sent.push(typeof first === 'string' ? first : textOf(first))
    return Reflect.apply(query, this, args)
  })
})
afterEach(() => void vi.restoreAllMocks())

function textOf(config: unknown): string {
  return typeof config === 'object' && config !== null && 'text' in config ? String(config.text) : ''
}

/** Texts that are none of ours, or hold what was said from outside. */
function foreign(): string[] {
  if (sent.length === 0) return ['nothing was sent']
  return sent.filter((text) => text.includes('zq7') || !(ours.has(text.trim()) || CONTROL.has(text)))
}

describe('no value gets into the text of a statement', () => {
  it('of a client', async () => {
    const kong = new KongTask({ pool: database.pool, schema: SCHEMA })
    const { id } = await kong.addJob(
      NAME,
      { [HOSTILE]: HOSTILE },
      {
        queue: NAME,
        tags: [HOSTILE],
        metadata: { [HOSTILE]: HOSTILE },
        uniqueKey: HOSTILE,
        serialKey: HOSTILE,
      },
    )
    await kong.addJobs([{ task: NAME, payload: HOSTILE, queue: NAME }])
    await kong.jobs.get(id)
    await kong.jobs.list({ task: NAME, queue: NAME, tag: HOSTILE })
    await kong.jobs.explain(id)
    await kong.jobs.cancel(id, HOSTILE)
    await kong.queues.limit(NAME, { concurrency: 3 })
    await kong.queues.pause(NAME)
    await kong.queues.resume(NAME)
    await kong.queues.list()
    await kong.deadLetters.list({ task: NAME })
    await kong.workers.list()
    await kong.close()
    expect(foreign()).toEqual([])
  })

  it('of a runner', async () => {
    const task = defineTask<typeof NAME, { [HOSTILE]: string }>(NAME, { queue: NAME })
    const kong = new KongTask({ pool: database.pool, schema: SCHEMA })
    let runner: Runner | undefined
    try {
      runner = await run({
        pool: database.pool,
        schema: SCHEMA,
        migrate: false,
        logger: silent,
        queues: { [NAME]: 2 },
        tasks: [
          handle(task, async (payload, { job, logger, progress, step }) => {
            logger.warn(HOSTILE, { [HOSTILE]: payload })
            progress(1, 2, HOSTILE)
            await step(HOSTILE, () => HOSTILE)
            if (job.attempt === 1) throw new RetryableError(HOSTILE, { retryIn: 1 })
            return HOSTILE
          }),
        ],
      })
      const { id } = await kong.addJob(task, { [HOSTILE]: HOSTILE })
      await eventually(async () => expect(await kong.jobs.get(id)).toMatchObject({ state: 'completed' }), {
        within: 20_000,
      })
    } finally {
      await runner?.stop()
      await kong.close()
    }
    expect(foreign()).toEqual([])
  })
})
