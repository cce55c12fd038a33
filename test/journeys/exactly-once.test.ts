import { describe, expect, it } from 'vitest'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../support/wait.ts'
import { useJourney } from './journey.ts'
import type { Transfer } from './transfer-process.ts'
import { WorkerProcess } from './worker.ts'

const app = useJourney()

const JOBS = 2_000
const ACCOUNTS = 40
const PROCESSES = 4
/** Short, but a third of it, which is what a call of the engine may take, must do on a machine that starts processes. */
const LEASE = 3_000
const OPENING = 100_000
/** Jobs that get done between two kills, at the most. */
const BETWEEN_KILLS = 160

const start = (): WorkerProcess =>
  new WorkerProcess(
    { connectionString: app.database.connectionString, leaseDuration: LEASE, concurrency: 5 },
    'transfer-process.ts',
  )

/** The same numbers each time: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const random = randomOf(20_261_122)
const below = (limit: number): number => Math.floor(random() * limit)

function transfers(): Transfer[] {
  return Array.from({ length: JOBS }, (_, number) => {
    const from = below(ACCOUNTS)
    return { number, from, to: (from + 1 + below(ACCOUNTS - 1)) % ACCOUNTS, cents: 1 + below(500) }
  })
}

async function count(sql: string): Promise<number> {
  const [row] = await app.query(`select (${sql})::int as n`)
  return Number(row?.['n'])
}

describe('transfers that complete in their own transactions', () => {
  it(
    'happen exactly once each, while their processes are killed all the time',
    { timeout: 180_000 },
    async () => {
      await app.query(
        'create table accounts (id int primary key, cents int8 not null, moves int not null default 0)',
      )
      // How often each took effect: a double could not hide here.
      await app.query('create table transfers (number int primary key, times int not null default 0)')
      await app.query(`insert into accounts select n, ${OPENING} from generate_series(0, ${ACCOUNTS - 1}) n`)
      await app.query(`insert into transfers select n from generate_series(0, ${JOBS - 1}) n`)
      const all = transfers()
      await app.kong.addJobs(
        all.map((payload) => ({
          task: 'transfer',
          payload,
          maxAttempts: 1_000,
          // Some of them in line, so that keys are handed on although who had them is dead.
          ...(payload.number % 5 === 0 ? { serialKey: `line ${payload.from % 8}` } : {}),
        })),
      )

      const begun = performance.now()
      let kills = 0
      let midway = 0
      let killAt = JOBS - below(BETWEEN_KILLS)
      const processes = new Set(Array.from({ length: PROCESSES }, start))
      for (let left = JOBS; left > 0; left = await count('select count(*) from kongtask.jobs')) {
        await delay(10)
        if (left > killAt) continue
        const victim = [...processes].find(isWorking)
        if (victim === undefined) continue
        midway += await count(
          `select count(*) from pg_stat_activity where datname = current_database() and xact_start is not null
           and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
        )
        victim.kill('SIGKILL')
        await victim.ended
        kills += 1
        killAt = left - below(BETWEEN_KILLS)
        processes.delete(victim)
        processes.add(start())
      }
      const seconds = (performance.now() - begun) / 1_000

      expect(
        await app.query('select times, count(*)::int as transfers from transfers group by times'),
      ).toEqual([{ times: 1, transfers: JOBS }])
      expect(await count('select sum(cents) from accounts')).toBe(ACCOUNTS * OPENING)
      expect(await count('select sum(moves) from accounts')).toBe(2 * JOBS)
      const balances = await app.query('select cents::int from accounts order by id')
      expect(balances.map(({ cents }) => Number(cents))).toEqual(balancesAfter(all))
      // Each is in history once, with the result that its transaction gave.
      expect(
        await app.query(
          `select count(*)::int as jobs, count(distinct id)::int as ids, count(distinct result)::int as results
           from kongtask.history where completed`,
        ),
      ).toEqual([{ jobs: JOBS, ids: JOBS, results: JOBS }])
      expect(kills).toBeGreaterThan(5)
      expect(midway).toBeGreaterThan(0)
      const crashes = await count('select sum(crashes) from kongtask.history')
      const sum = await count('select sum(cents) from accounts')
      process.stdout.write(
        `exactly once: ${JOBS} jobs, ${kills} kills (${midway} open transactions seen, ${crashes} crashes survived), sum ${sum}, ${seconds.toFixed(1)} s\n`,
      )

      // And nothing is left over: what the dead had not followed up, the living have.
      await eventually(
        async () =>
          expect([
            await count('select count(*) from kongtask.completions'),
            await count('select count(*) from kongtask.serial_keys'),
            await count('select count(*) from kongtask.claims'),
          ]).toEqual([0, 0, 0]),
        { within: 15_000 },
      )
      for (const { seen } of processes) expect(seen.filter(({ what }) => what === 'other')).toEqual([])
    },
  )
})

function isWorking({ seen }: WorkerProcess): boolean {
  return seen.some(({ what }) => what === 'started')
}

function balancesAfter(all: readonly Transfer[]): number[] {
  const balances = Array.from({ length: ACCOUNTS }, () => OPENING)
  for (const { from, to, cents } of all) {
    balances[from] = (balances[from] ?? 0) - cents
    balances[to] = (balances[to] ?? 0) + cents
  }
  return balances
}
