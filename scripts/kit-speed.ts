// What a test costs with the test kit on PGlite, against a bare transaction there: medians of several rounds.
import { PGlite } from '@electric-sql/pglite'
import { defineTask, handle } from '../src/index.ts'
import { createTestKongTask, performJob } from '../src/testing/testing.ts'

const TESTS = 50
const ROUNDS = 3

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
const write = defineTask<'write', { n: number }>('write')
const task = handle(write, ({ n }, { withTransaction }) =>
  withTransaction((tx) => tx.query('insert into written values ($1)', [n])),
)

const start = performance.now()
const kong = await createTestKongTask({ tasks: [task], logger: silent })
const started = performance.now() - start
await kong.pool.query('create table written (n int)')
const bare = await PGlite.create()
await bare.exec('create table written (n int)')
await kong.addJob(write, { n: 0 })
await kong.drain()

const ways: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
  'a bare transaction, PGlite itself': (n) =>
    bare.transaction((tx) => tx.query('insert into written values ($1)', [n])),
  'a bare transaction, on the pool of the kit': async (n) => {
    const tx = await kong.pool.connect()
    await tx.query('begin')
    await tx.query('insert into written values ($1)', [n])
    await tx.query('commit')
    tx.release()
  },
  performJob: (n) => performJob(task, { n }, { db: kong }),
  'addJob, drain': async (n) => {
    await kong.addJob(write, { n })
    await kong.drain()
  },
  'reset, addJob, drain, expectJob': async (n) => {
    await kong.reset()
    await kong.addJob(write, { n })
    await kong.drain()
    await kong.expectJob(write, { payload: { n }, state: 'completed' })
  },
}

const times = new Map<string, number[]>(Object.keys(ways).map((way) => [way, []]))
// Round by round, so that a machine that is busy for a while is so for all of them.
for (let round = 0; round < ROUNDS; round++) {
  for (const [way, test] of Object.entries(ways)) {
    const began = performance.now()
    for (let n = 0; n < TESTS; n++) await test(n)
    times.get(way)?.push(performance.now() - began)
  }
}
const medians = [...times].map(([way, all]): [string, number] => [way, median(all)])
const least = Math.min(...medians.slice(0, 2).map(([, ms]) => ms))
console.log(`Start: ${started.toFixed(0)} ms. ${TESTS} of each, medians of ${ROUNDS} rounds:`)
for (const [way, ms] of medians) {
  console.log(`  ${way.padEnd(44)} ${ms.toFixed(0).padStart(5)} ms  ${(ms / least).toFixed(1)} ×`)
}
await kong.close()
await bare.close()

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
