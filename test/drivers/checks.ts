// What every driver owes, as sentences with a check each. Nothing of vitest here: Bun runs them as well.
import assert from 'node:assert/strict'
import { defineTask, KongTask, KongTaskError, type TransactionLike } from 'kongtask'
import { DRIVERS } from '../../src/store/drivers/drivers.ts'

/** One driver on a database of its own with KongTask's tables and `PREPARATION`. */
export interface Subject<Tx extends TransactionLike> {
  readonly kong: KongTask
  /** As its users do it: committed when `work` returns, rolled back when it throws. */
  readonly inTransaction: (work: (tx: Tx) => Promise<void>) => Promise<void>
  /** What has no transaction, by name. */
  readonly roots: Readonly<Record<string, unknown>>
  /** The snippet of docs/drivers.md: one user, one job. */
  readonly example: () => Promise<void>
  /** A statement outside of the transaction. */
  readonly look: (text: string) => Promise<readonly unknown[]>
  readonly close: () => Promise<void>
}

export interface Check<Tx extends TransactionLike> {
  readonly sentence: string
  readonly run: (subject: Subject<Tx>) => Promise<void>
}

/** A table of the application's, and a job that the database refuses in our own words. */
export const PREPARATION = `
create table users (email text primary key);
create function refuse() returns trigger language plpgsql as $$
begin
  if new.payload = '"refuse me"' then
    raise exception using errcode = 'KT001', message = 'KT_OPTION_INVALID: this job - really - is refused';
  end if;
  return new;
end
$$;
create trigger refuse before insert on kongtask.jobs for each row execute function refuse();`

const task = defineTask('contract', { queue: 'q' })
const anyTask = defineTask('any')

/** What a driver could take for a placeholder, an escape, a value of another type, or an end of the statement. */
const AWKWARD: readonly unknown[] = [
  '?', '??', String.raw`\?`, ':name', '::text', '$1', '$$', '$2::int', '@name', '%s', '#{x}', '{1,2}',
  "it's", '"quoted"', '\\', String.raw`\n`, '\n\r\t', '`', '💌 ünï', '\u2028', "'); drop table users; --", '/* */ -- ',
  '', ' ', 'null', 'true', '1', '"text"', '{"a":1}', '[1,2]', '2024-01-01T00:00:00Z', '2024-01-01',
  null, true, 0, -1.5, 1e21, 2 ** 53, [], {}, [null, [[]]],
  { '?': ':a', '$1': [{ ':name': null }], nested: { deeper: { "'": '"' } }, toSQL: 1, sql: 'x', bindings: [] },
] // prettier-ignore

export function checksOf<Tx extends TransactionLike>(): Check<Tx>[] {
  return [
    {
      sentence: 'commits: one job and many are there, in order, with the answers of the database',
      run: async ({ kong, inTransaction, look }) => {
        await inTransaction(async (tx) => {
          const { id, status } = await kong.with(tx).addJob(task, { n: 0 })
          assert.equal(typeof id, 'string')
          assert.equal(status, 'added')
          const added = await kong.with(tx).addJobs([
            { task, payload: { n: 1 } },
            { task: 'another', payload: { n: 2 }, priority: 3, tags: ['?', ':tag'], scheduledIn: '1h' },
            { task, payload: { n: 3 }, metadata: { '?': "$1 ' :x" } },
          ])
          assert.equal(added.length, 3)
          assert.equal(new Set([id, ...added.map((job) => job.id)]).size, 4)
        })
        assert.deepEqual(await payloads(look), [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }])
      },
    },
    {
      sentence: 'rolls back: nothing is there',
      run: async ({ kong, inTransaction, look }) => {
        await rolledBack(inTransaction, async (tx) => {
          await kong.with(tx).addJob(task)
          await kong.with(tx).addJobs([{ task }, { task: 'another' }])
        })
        assert.deepEqual(await payloads(look), [])
      },
    },
    {
      sentence: 'carries every payload as it is',
      run: async ({ kong, inTransaction, look }) => {
        await inTransaction(async (tx) => {
          await kong.with(tx).addJobs(AWKWARD.map((payload) => ({ task: anyTask, payload: asJson(payload) })))
          for (const payload of AWKWARD) await kong.with(tx).addJob(anyTask, asJson(payload))
        })
        assert.deepEqual(await payloads(look), [...AWKWARD, ...AWKWARD])
      },
    },
    {
      sentence: 'is as good as before when a job was refused at the call',
      run: async ({ kong, inTransaction, look }) => {
        await inTransaction(async (tx) => {
          const tooLarge = await failureOf(() => kong.with(tx).addJob(task, 'x'.repeat(2 * 1024 * 1024)))
          assertRefused(tooLarge, 'KT_PAYLOAD_TOO_LARGE')
          await kong.with(tx).addJob(task, { n: 1 })
        })
        assert.deepEqual(await payloads(look), [{ n: 1 }])
      },
    },
    {
      sentence:
        'brings the code of a job that the database refuses, and the stack of the caller; then it is broken',
      run: async ({ kong, inTransaction, look }) => {
        await rolledBack(inTransaction, async (tx) => {
          const refused = await failureOf(() => theCaller(kong, tx))
          assertRefused(refused, 'KT_OPTION_INVALID')
          assert.equal(refused.message, 'this job - really - is refused')
          assert.ok(refused.cause instanceof Error)
          assert.match(refused.stack ?? '', /theCaller.*checks\.ts/)
          assertRefused(await failureOf(() => kong.with(tx).addJob(task)), 'KT_NOT_A_TRANSACTION')
        })
        assert.deepEqual(await payloads(look), [])
      },
    },
    {
      sentence: "says so where KongTask's tables are not there",
      run: async ({ inTransaction }) => {
        // Never connects: with(tx) is all it is used for.
        const elsewhere = new KongTask({ connectionString: 'postgres://localhost/x', schema: 'elsewhere' })
        await rolledBack(inTransaction, async (tx) => {
          assertRefused(await failureOf(() => elsewhere.with(tx).addJob(task)), 'KT_NOT_MIGRATED')
        })
        await elsewhere.close()
      },
    },
    {
      sentence: 'is refused once it has ended, however it ended, and nothing is written',
      run: async ({ kong, inTransaction, look }) => {
        for (const end of [inTransaction, (work: Work<Tx>) => rolledBack(inTransaction, work)]) {
          const kept: { tx?: Tx; adder?: ReturnType<KongTask['with']> } = {}
          await end(async (tx) => {
            kept.tx = tx
            kept.adder = kong.with(tx)
          })
          const { tx, adder } = kept
          assert.ok(tx !== undefined && adder !== undefined)
          assertRefused(await failureOf(() => kong.with(tx).addJob(task)), 'KT_NOT_A_TRANSACTION')
          assertRefused(await failureOf(() => adder.addJobs([{ task }])), 'KT_NOT_A_TRANSACTION')
        }
        assert.deepEqual(await payloads(look), [])
      },
    },
    {
      sentence: 'is not to be mistaken for what has none: that is refused, and the message says what to pass',
      run: async ({ kong, roots, look }) => {
        assert.ok(Object.keys(roots).length > 0)
        for (const [name, root] of Object.entries(roots)) {
          const add = async (tx: Tx): Promise<unknown> => kong.with(tx).addJob(task)
          // The types refuse most of them already.
          const error = await failureOf(() => Reflect.apply(add, undefined, [root]))
          assertRefused(error, 'KT_NOT_A_TRANSACTION', name)
          assert.match(error.message, /Pass |Run `begin`|before it commits/, name)
        }
        assert.deepEqual(await payloads(look), [])
      },
    },
    {
      sentence: 'has a shape that one driver knows, and no other',
      run: async ({ inTransaction, roots }) => {
        await inTransaction(async (tx) => {
          for (const value of [tx, ...Object.values(roots)]) {
            if (typeof value !== 'object' && typeof value !== 'function') continue
            if (value === null) continue
            const knowing = DRIVERS.filter((driver) => driver.recognise(value) !== undefined)
            // Bun's SQL is like postgres.js and more, and is asked first.
            const names = knowing
              .map(({ name }) => name)
              .filter((name, at) => name !== 'postgres.js' || at === 0)
            assert.equal(names.length, 1, names.join(', '))
          }
        })
      },
    },
    {
      sentence: 'is used as docs/drivers.md shows it',
      run: async ({ example, look }) => {
        await example()
        assert.deepEqual(await look('select email from users'), [{ email: 'ada@example.org' }])
        assert.deepEqual(await payloads(look), [{ to: 'ada@example.org' }])
      },
    },
  ]
}

type Work<Tx> = (tx: Tx) => Promise<void>

/** Some drivers say that it was rolled back, and why, by an error of their own. */
async function rolledBack<Tx>(
  inTransaction: (work: Work<Tx>) => Promise<void>,
  work: Work<Tx>,
): Promise<void> {
  const outcome: { isDone?: boolean; error?: unknown } = {}
  const rollBack = new Error('roll back')
  await inTransaction(async (tx) => {
    try {
      await work(tx)
      outcome.isDone = true
    } catch (error) {
      outcome.error = error
    }
    throw rollBack
  }).catch(() => undefined)
  if (outcome.isDone !== true) throw outcome.error ?? new Error('the transaction did not begin')
}

async function theCaller(kong: KongTask, tx: TransactionLike): Promise<unknown> {
  return await kong.with(tx).addJobs([{ task }, { task: anyTask, payload: 'refuse me' }])
}

async function failureOf(work: () => Promise<unknown>): Promise<Error> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error) return error
    throw new TypeError('something was thrown that is no error', { cause: error })
  }
  throw new Error('nothing was thrown')
}

function assertRefused(error: Error, code: string, what?: string): void {
  if (error instanceof KongTaskError && error.code === code) return
  throw new Error(`${what ?? ''} expected ${code}, got: ${error.message}`, { cause: error })
}

async function payloads(look: (text: string) => Promise<readonly unknown[]>): Promise<unknown[]> {
  const rows = await look('select payload::text as payload from kongtask.jobs order by id')
  return rows.map((row) => {
    assert.ok(typeof row === 'object' && row !== null && 'payload' in row && typeof row.payload === 'string')
    return JSON.parse(row.payload)
  })
}

/** What was written above is JSON; the compiler has it as unknown, since it is a list of everything. */
function asJson(value: unknown): string {
  return JSON.parse(JSON.stringify(value))
}
