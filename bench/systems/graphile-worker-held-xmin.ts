import pg from 'pg'
import type { HeldJob } from '../processes/held-load.ts'
import type { HeldProducer, HeldSystem } from '../processes/held-xmin.ts'

/** As much of graphile-worker as is used here; its own types are there only once it is installed. */
interface Module {
  readonly runMigrations: (options: { readonly connectionString: string }) => Promise<void>
}

const ADD = `
  select count(*) from graphile_worker.add_jobs(array(
    select row('held', json_build_object('n', n), null, null, null, null, priority, null)::graphile_worker.job_spec
      from unnest($1::int4[], $2::int2[]) as j (n, priority)))`

export const graphileWorkerHeld: HeldSystem = { program: 'graphile-worker-held-xmin-worker.ts', open }

async function open(connectionString: string): Promise<HeldProducer> {
  const { runMigrations } = await load()
  const pool = new pg.Pool({ connectionString, max: 2 })
  await pool.query('drop schema if exists graphile_worker cascade')
  await runMigrations({ connectionString })
  const add = (on: pg.Pool | pg.Client, jobs: readonly HeldJob[]): Promise<unknown> =>
    on.query(ADD, [jobs.map(({ n }) => n), jobs.map(({ priority }) => priority)])
  return {
    add: (jobs) => add(pool, jobs),
    addOn: add,
    left: async () => {
      const { rows } = await pool.query<{ left: number }>(
        'select count(*)::int4 as left from graphile_worker._private_jobs',
      )
      return rows[0]?.left ?? -1
    },
    close: () => pool.end(),
  }
}

async function load(): Promise<Module> {
  // Not a literal: the compiler must not look for what is installed only when it is measured.
  const name = 'graphile-worker'
  const loaded: unknown = await import(name)
  if (isModule(loaded)) return loaded
  throw new TypeError('graphile-worker exports no runMigrations')
}

function isModule(loaded: unknown): loaded is Module {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    'runMigrations' in loaded &&
    typeof loaded.runMigrations === 'function'
  )
}
