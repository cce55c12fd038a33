// docs/access.md, with real roles: each section of the set-up is executed, and each role tries what it may and may not.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { defineTask, handle, KongTask, run, snooze, type Events } from 'kongtask'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { dropDays, prune, pruneKeys } from '../../src/maintenance/pruner.ts'
import { whileAllowed } from '../../src/maintenance/while-allowed.ts'
import { Emitter } from '../../src/runtime/emitter.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import * as statements from '../../src/store/statements.generated.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { silent } from '../journeys/journey-logger.ts'
import { settled } from '../journeys/journey.ts'
import { root } from '../docs/snippets.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/run-databases.ts'
import { eventually } from '../support/wait.ts'

const RUN = randomBytes(4).toString('hex')
const ROLES = ['kong_owner', 'app', 'worker', 'stranger'] as const
type Role = (typeof ROLES)[number]
/** Roles belong to the whole server. */
const roleOf = (role: string): string => `${role}_${RUN}`
const PASSWORDS: Readonly<Record<Role, string>> = {
  kong_owner: 'secret-1',
  app: 'secret-2',
  worker: 'secret-3',
  stranger: 'secret-4',
}

/** The SQL snippets of the page, for this run's roles and database. */
function snippets(): string[] {
  const page = readFileSync(`${root}docs/access.md`, 'utf8')
  return [...page.matchAll(/^```sql\n(.*?)^```/gms)].map(([, text = '']) =>
    text
      .replaceAll(/\b(kong_owner|app|worker)\b(?!')/g, (role) => roleOf(role))
      .replaceAll(/'(app|worker)'/g, (_, role: string) => `'${roleOf(role)}'`)
      .replaceAll('database shop', `database ${database.name}`),
  )
}

let database: TestDatabase
const pools = new Map<Role, pg.Pool>()
const pool = (role: Role): pg.Pool => {
  const found = pools.get(role)
  if (found === undefined) throw new Error(`no pool of ${role}`)
  return found
}
const kong = (role: Role): KongTask => new KongTask({ pool: pool(role) })
const store = (role: Role): Store => createStore(pgDatabase(pool(role), 20_000), 'kongtask')

function connectionString(role: Role): string {
  const url = new URL(database.connectionString)
  url.username = roleOf(role)
  url.password = PASSWORDS[role]
  return url.href
}

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  const [roles = '', grants = ''] = snippets()
  await database.pool.query(roles)
  await database.pool.query(`create role ${roleOf('stranger')} login password 'secret-4'`)
  for (const role of ROLES) {
    const opened = new pg.Pool({ connectionString: connectionString(role), max: 6 })
    opened.on('error', () => undefined)
    pools.set(role, opened)
  }
  await kong('kong_owner').migrate()
  await pool('kong_owner').query(grants)
})
afterAll(async () => {
  await Promise.all([...pools.values()].map((opened) => opened.end()))
  await database.drop()
  await withClient(inject('adminConnectionString'), async (admin) => {
    for (const role of [...ROLES, 'odd', 'renewed', 'other'])
      await admin.query(`drop role if exists "${roleOf(role)}"`)
  })
})
afterEach(() =>
  pool('kong_owner').query(
    `truncate kongtask.jobs, kongtask.claims, kongtask.workers, kongtask.dead_letters, kongtask.history,
       kongtask.history_overflow, kongtask.chores, kongtask.unique_keys, kongtask.serial_keys`,
  ),
)

const denied = { code: '42501' }

/** Every table, view and sequence of the schema, as the owner sees them. */
async function relations(kinds: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `select relname as name from pg_class
      where relnamespace = 'kongtask'::regnamespace and relkind = any ($1) order by 1`,
    [kinds.split('')],
  )
  return rows.map(({ name }) => name)
}

/** Functions that this role may execute. */
async function executable(role: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `select proname as name from pg_proc
      where pronamespace = 'kongtask'::regnamespace and has_function_privilege($1, oid, 'execute') order by 1`,
    [role],
  )
  return rows.map(({ name }) => name)
}

/** What this role may do to which tables. */
async function rights(role: string): Promise<Record<string, string>> {
  const { rows } = await database.pool.query<{ name: string; rights: string }>(
    `select c.relname as name, string_agg(p.name, ' ' order by p.name) as rights
       from pg_class c
      cross join unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) as p (name)
      where c.relnamespace = 'kongtask'::regnamespace and c.relkind in ('r', 'p', 'v')
        and has_table_privilege($1, c.oid, p.name)
      group by 1`,
    [role],
  )
  return Object.fromEntries(rows.map((row) => [row.name, row.rights]))
}

describe('the add role', () => {
  it('adds: one, many, on a transaction, by each SQL function, with every kind of key', async () => {
    const client = kong('app')
    const one = await client.addJob('mail', { to: 'ada' }, { queue: 'new', uniqueKey: 'k', serialKey: 's' })
    expect(one.status).toBe('added')
    expect(await client.addJob('mail', {}, { uniqueKey: 'k' })).toEqual({ id: one.id, status: 'skipped' })
    expect(await client.addJob('mail', {}, { uniqueKey: 'k', onConflict: 'replace' })).toEqual({
      id: one.id,
      status: 'replaced',
    })
    await client.addJobs([{ task: 'never-seen' }, { task: 'mail', serialKey: 's' }])
    const tx = await pool('app').connect()
    try {
      await tx.query('begin')
      await client.with(tx).addJob('mail', {}, { uniqueFor: '1h' })
      await client.with(tx).addJobs([{ task: 'mail' }])
      await tx.query('commit')
    } finally {
      tx.release()
    }
    await pool('app').query(`select * from kongtask.add_job('mail', '{"a": 1}', '{"priority": 3}')`)
    await pool('app').query(`select * from kongtask.add_jobs('[{"task": "mail"}, {"task": "mail"}]')`)
    expect((await database.pool.query('select from kongtask.jobs')).rowCount).toBe(8)
  })

  it('may execute three functions, and touch no table', async () => {
    expect(await executable(roleOf('app'))).toEqual(['add_job', 'add_jobs', 'insert_jobs'])
    expect(await rights(roleOf('app'))).toEqual({})
    for (const table of [...(await relations('rp')), ...(await relations('S'))])
      await expect(pool('app').query(`select * from kongtask."${table}"`), table).rejects.toMatchObject(
        denied,
      )
  })

  it.each([
    `select payload from kongtask.jobs`,
    `update kongtask.jobs set payload = '{}'`,
    `delete from kongtask.jobs`,
    `truncate kongtask.jobs`,
    `insert into kongtask.tasks (name, defaults) values ('x', '{}')`,
    `update kongtask.settings set max_payload = 5`,
    `select nextval('kongtask.job_ids')`,
    `select kongtask.claim_jobs(1, gen_random_uuid(), 1, null, null, 1, '{1}', null, true, false, null, null, null, null, null, null)`,
    `select kongtask.publish('{"mail": {"queue": "mine"}}', null)`,
    `select kongtask.intern('{x}', '{}')`,
    `select kongtask.rescue_workers()`,
    `select kongtask.extend_days('history')`,
    `select kongtask.grant_access('work', 'app')`,
    `create table kongtask.mine ()`,
    `create function kongtask.mine() returns int language sql return 1`,
    `create or replace function kongtask.clock() returns timestamptz language sql return now()`,
    `copy kongtask.jobs to stdout`,
  ])('may not: %s', async (text) => {
    await expect(pool('app').query(text)).rejects.toMatchObject(denied)
  })

  it('is told so where it asks the client', async () => {
    const refused = { name: 'KongTaskError', code: 'KT_PERMISSION_DENIED' }
    await expect(kong('app').deadLetters.redrive('1')).rejects.toMatchObject(refused)
    await expect(kong('app').deadLetters.list()).rejects.toMatchObject(refused)
    await expect(kong('app').migrate()).rejects.toMatchObject(refused)
    for (const migrate of [true, false])
      await expect(run({ pool: pool('app'), tasks: {}, logger: silent, migrate })).rejects.toMatchObject(
        refused,
      )
  })

  it('does no harm through the function of the client, whatever it passes', async () => {
    const before = await relations('rp')
    const calls = [
      [null, null, null],
      ['[]', null, '[]'],
      ['[]', null, '[1]'],
      ['[{"task": "a"}]', '{2}', '[1]'],
      ['[{"task": "a"}]', '{1,1}', '[1]'],
      ['[{"task": "a"}]', '{NULL}', '[1]'],
      ['{}', null, '[1]'],
      ['[{"task": "a"}]', null, '{}'],
      ['[{"task": "a\'; drop table kongtask.jobs"}]', null, '[1]'],
      ['[{"task": "a", "options": {"priority": 16}}]', null, '[1]'],
      ['[{"task": "a", "options": {"queue": "a b"}}]', null, '[1]'],
      ['[{"task": "a", "options": 5}]', null, '[1]'],
      ['[{"task": "a", "options": {"uniqueKey": ""}, "contract": true}]', null, '[1]'],
    ]
    for (const call of calls)
      await pool('app')
        .query('select * from kongtask.insert_jobs($1, $2, $3)', call)
        .catch(() => undefined)
    expect(await relations('rp')).toEqual(before)
    // What was added is a sound job: options are checked here, too.
    const { rows } = await database.pool.query(
      `select j.* from kongtask.jobs j join kongtask.tasks t on t.id = j.task_id
        where lane not between 0 and 15 or max_attempts <> 25 or t.name <> 'a' or j.extras is not null`,
    )
    expect(rows).toEqual([])
  })
})

describe('the work role', () => {
  it('runs, retries, snoozes, buries, cancels, keeps history, adds and redrives', async () => {
    const counter = defineTask('counter', { maxAttempts: 2, backoff: () => 1 })
    const client = kong('worker')
    let children = 0
    const runner = await run({
      pool: pool('worker'),
      migrate: false,
      logger: silent,
      pollInterval: 50,
      tasks: [
        handle(counter, () => {
          throw new Error('again')
        }),
        {
          name: 'parent',
          handle: async (_payload, { addJob, withTransaction, with: on, job }) => {
            if (job.attempt === 1 && job.snoozes === 0) return snooze(1)
            await addJob('child', {}, { uniqueKey: job.id })
            await withTransaction(async (tx) => void (await on(tx).addJobs([{ task: 'child' }])))
            return { added: 2 }
          },
        },
        { name: 'child', handle: () => void children++ },
      ],
    })
    const dead = new Promise<string>((resolve) => {
      runner.on('job.failed', ({ job, settlement }) => settlement.kind === 'dead' && resolve(job.id))
    })
    await kong('app').addJob(counter, {}, { serialKey: 's', uniqueFor: '1h' })
    const { id } = await kong('app').addJob('parent', {}, { serialKey: 's' })
    const deadId = await dead
    await eventually(async () =>
      expect(await client.jobs.get(id)).toMatchObject({ state: 'completed', result: { added: 2 } }),
    )
    await eventually(() => expect(children).toBe(2))
    expect(await client.deadLetters.list()).toMatchObject({ jobs: [{ id: deadId, attempt: 2 }] })
    const again = settled(runner, 2)
    await client.deadLetters.redrive(deadId)
    await again
    await runner.stop()
  })

  it('renews its lease, rescues others, gives jobs back', async () => {
    const dying = store('worker')
    const { worker, nonce } = await dying.registerWorker(1, {})
    await kong('app').addJob('work')
    const { tasks } = await dying.publish({ work: null }, ['default'])
    const claimed = await dying
      .claimJobs({ worker, nonce, claim: 1, queues: 'all', total: 1, tasks: [...tasks.values()] })
      .catch(() => undefined)
    expect(claimed?.jobs).toHaveLength(1)
    const runner = await run({
      pool: pool('worker'),
      migrate: false,
      logger: silent,
      tasks: { work: () => undefined },
      leaseDuration: '1s',
      heartbeatInterval: 100,
      pollInterval: 100,
    })
    const rescued = new Promise<Events['worker.rescued']>(
      (resolve) => void runner.on('worker.rescued', resolve),
    )
    const done = settled(runner, 1)
    expect(await rescued).toEqual({ workers: 1, jobs: 1 })
    await done
    const beats = async (): Promise<unknown> =>
      (
        await pool('worker').query(
          'select max(heartbeat_at - started_at) > $1 as beats from kongtask.workers',
          ['150 ms'],
        )
      ).rows
    await eventually(async () => expect(await beats()).toEqual([{ beats: true }]))
    await runner.stop()
    expect((await database.pool.query('select from kongtask.workers')).rowCount).toBe(0)
  })

  it('does the chores that it may, and leaves dropping days to the owner, saying so once', async () => {
    const { signal } = new AbortController()
    expect(await pruneKeys(store('worker'), signal)).toBe(0)
    await pool('kong_owner').query(`create or replace function kongtask.clock() returns timestamptz
      language sql volatile parallel safe return clock_timestamp() + interval '3 days'`)
    expect(await prune(store('worker'), signal)).toMatchObject({ jobsDropped: 0 })
    const events = new Emitter<Events>(() => undefined)
    const told: unknown[] = []
    events.on('worker.not_allowed', (event) => told.push(event))
    const chore = whileAllowed('drop days', events, () => dropDays(store('worker')))
    await chore(signal)
    await chore(signal)
    expect(told).toEqual([{ doing: 'drop days', error: expect.objectContaining(denied) }])
    // The turn that it took is soon over.
    await database.pool.query(`update kongtask.chores set due_at = due_at - interval '5 minutes'`)
    expect(await dropDays(store('kong_owner'))).toBeGreaterThanOrEqual(3)
    await pool('kong_owner').query(`create or replace function kongtask.clock() returns timestamptz
      language sql volatile parallel safe return clock_timestamp()`)
  })

  it('reads and writes what running jobs needs, and nothing else', async () => {
    const may = await rights(roleOf('worker'))
    const days = Object.keys(may).filter((table) => /_\d{8}$/.test(table))
    for (const table of ['migrations', 'settings', 'history_horizon', 'dead_letters_horizon', ...days])
      expect(may[table]).toBe('select')
    expect(may['history']).toBe('insert select')
    expect(may['tasks']).toBe('insert select update')
    expect(may['queues']).toBe('insert select update')
    for (const table of ['jobs', 'claims', 'workers', 'dead_letters', 'unique_keys', 'serial_keys', 'chores'])
      expect(may[table], table).toBe('delete insert select update')
    // A new table is either one that work needs, or must be named in grant_access as the owner's.
    expect(Object.values(may).join(' ')).not.toMatch(/truncate|references|trigger/)
    expect(await executable(roleOf('worker'))).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/_access$/)]),
    )
  })

  it.each([
    `create table kongtask.mine ()`,
    `alter table kongtask.jobs add column x int`,
    `drop table kongtask.history_overflow`,
    `truncate kongtask.jobs`,
    `delete from kongtask.history`,
    `update kongtask.history set payload = '{}'`,
    `delete from kongtask.tasks`,
    `update kongtask.settings set max_payload = 5`,
    `insert into kongtask.migrations (number, name, breaking) values (99, 'x', true)`,
    `update kongtask.history_horizon set until = now()`,
    `create or replace function kongtask.clock() returns timestamptz language sql return now()`,
    `alter function kongtask.add_job security invoker`,
    `select kongtask.grant_access('add', 'app')`,
    `select kongtask.revoke_access('app')`,
    `select kongtask.renew_access()`,
    `drop schema kongtask cascade`,
    `create trigger t before insert on kongtask.jobs for each row execute function suppress_redundant_updates_trigger()`,
  ])('may not: %s', async (text) => {
    const client = await pool('worker').connect()
    try {
      await client.query('begin')
      await expect(client.query(text)).rejects.toMatchObject(denied)
    } finally {
      await client.query('rollback')
      client.release()
    }
  })

  it('cannot pass its rights on', async () => {
    // PostgreSQL only warns of it.
    await pool('worker').query('grant select on kongtask.jobs to public')
    await pool('worker').query('grant execute on function kongtask.add_job to public')
    expect(await rights(roleOf('stranger'))).toEqual({})
    expect(await executable(roleOf('stranger'))).toEqual([])
  })

  it('migrates where there is nothing to do, and may not where there is', async () => {
    await kong('worker').migrate()
    await pool('kong_owner').query(
      'delete from kongtask.migrations where number = (select max(number) from kongtask.migrations)',
    )
    await expect(kong('worker').migrate()).rejects.toMatchObject({ code: 'KT_PERMISSION_DENIED' })
    await pool('kong_owner')
      .query('rollback')
      .catch(() => undefined)
    const { migrations } = await import('../../src/store/migrations.generated.ts')
    const last = migrations.at(-1)
    await pool('kong_owner').query(
      'insert into kongtask.migrations (number, name, breaking) values ($1, $2, $3)',
      [last?.number, last?.name, last?.breaking],
    )
  })
})

describe('everybody else', () => {
  it('may do nothing', async () => {
    expect(await executable(roleOf('stranger'))).toEqual([])
    expect(await rights(roleOf('stranger'))).toEqual({})
    await expect(pool('stranger').query(`select * from kongtask.add_job('x')`)).rejects.toMatchObject(denied)
    await expect(kong('stranger').addJob('x')).rejects.toMatchObject({ code: 'KT_PERMISSION_DENIED' })
    await expect(kong('stranger').addJobs([{ task: 'x' }])).rejects.toMatchObject({
      code: 'KT_PERMISSION_DENIED',
    })
  })

  it('finds no function that PUBLIC may execute, no table that it may read', async () => {
    const { rows } = await database.pool.query(
      `select proname as name from pg_proc p
        where pronamespace = 'kongtask'::regnamespace
          and (proacl is null or exists (select from aclexplode(proacl) a where a.grantee = 0))
       union all
       select relname from pg_class c
        where relnamespace = 'kongtask'::regnamespace
          and exists (select from aclexplode(relacl) a where a.grantee = 0)
       union all
       select nspname from pg_namespace n
        where nspname = 'kongtask' and exists (select from aclexplode(nspacl) a where a.grantee = 0)`,
    )
    // A migration that makes functions ends with `select kongtask.renew_access();`.
    expect(rows).toEqual([])
  })
})

describe('a search_path', () => {
  it('is fixed for each function that runs with the rights of the owner', async () => {
    const { rows } = await database.pool.query(
      `select proname as name from pg_proc
        where pronamespace = 'kongtask'::regnamespace and prosecdef
          and not coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)`,
    )
    expect(rows).toEqual([])
  })

  it('is fixed for each function that the client and the runner call', async () => {
    const called = new Set(
      Object.values(statements).flatMap(({ text }) =>
        [...text.matchAll(/kongtask\.([a-z_]+)\s*\(/g)].map(([, name = '']) => name),
      ),
    )
    // One expression each, which looks for nothing.
    for (const name of ['clock', 'daily_tables', 'microseconds']) called.delete(name)
    expect(called.size).toBeGreaterThan(8)
    const { rows } = await database.pool.query(
      `select proname as name from pg_proc
        where pronamespace = 'kongtask'::regnamespace and proname = any ($1)
          and not coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)`,
      [[...called]],
    )
    // 0013_access.sql has the list.
    expect(rows).toEqual([])
  })

  it('of the caller with a hostile schema in front changes nothing', async () => {
    await database.pool.query(`
      create schema evil;
      grant usage on schema evil to public;
      create table evil.caught (who name, what text);
      grant insert on evil.caught to public;
      create function evil.catch(what text) returns void language plpgsql volatile as $$
        begin raise exception 'caught %, as %', what, current_user; end $$;
      create function evil.jsonb_typeof(jsonb) returns text language plpgsql as $$ begin perform evil.catch('jsonb_typeof'); return 'object'; end $$;
      create function evil.octet_length(text) returns int language plpgsql as $$ begin perform evil.catch('octet_length'); return 0; end $$;
      create function evil.length(text) returns int language plpgsql as $$ begin perform evil.catch('length'); return 0; end $$;
      create function evil.format(text, text, text) returns text language plpgsql as $$ begin perform evil.catch('format'); return ''; end $$;
      create function evil.format(text, text) returns text language plpgsql as $$ begin perform evil.catch('format'); return ''; end $$;
      create function evil.jsonb_array_length(jsonb) returns int language plpgsql as $$ begin perform evil.catch('jsonb_array_length'); return 1; end $$;
      create function evil.pg_notify(text, text) returns void language plpgsql as $$ begin perform evil.catch('pg_notify'); end $$;
      create function evil.floor(float8) returns float8 language plpgsql as $$ begin perform evil.catch('floor'); return 0; end $$;
      create function evil.cardinality(int[]) returns int language plpgsql as $$ begin perform evil.catch('cardinality'); return 0; end $$;
      create function evil.concat(jsonb, jsonb) returns jsonb language plpgsql as $$ begin perform evil.catch('||'); return '{}'; end $$;
      create operator evil.|| (leftarg = jsonb, rightarg = jsonb, function = evil.concat);
      create function evil.get(jsonb, text) returns jsonb language plpgsql as $$ begin perform evil.catch('->'); return '{}'; end $$;
      create operator evil.-> (leftarg = jsonb, rightarg = text, function = evil.get);
      create function evil.same(int8, int8) returns bool language plpgsql as $$ begin perform evil.catch('='); return true; end $$;
      create operator evil.= (leftarg = int8, rightarg = int8, function = evil.same);
      create function evil.same4(int4, int4) returns bool language plpgsql as $$ begin perform evil.catch('='); return true; end $$;
      create operator evil.= (leftarg = int4, rightarg = int4, function = evil.same4);
      create function evil.other(jsonb, jsonb) returns bool language plpgsql as $$ begin perform evil.catch('<>'); return true; end $$;
      create operator evil.<> (leftarg = jsonb, rightarg = jsonb, function = evil.other);
      create domain evil.jsonb as pg_catalog.text check (false);
      create domain evil.int4 as pg_catalog.text check (false);
    `)
    const hostile = async (role: Role, ...texts: readonly string[]): Promise<void> => {
      const client = await pool(role).connect()
      try {
        await client.query('set search_path = evil, pg_catalog, public')
        await client.query('create temp table jobs (id int)')
        // The trap works: whoever looks for a function by this path falls into it.
        await expect(client.query(`select length('x')`)).rejects.toThrow('caught length')
        for (const text of texts) await client.query(text)
        await client.query('drop table pg_temp.jobs')
        await client.query('reset search_path')
      } finally {
        client.release()
      }
    }
    const options = `{"scheduledIn": "1s", "tags": ["a"], "metadata": {"a": 1.0}, "priority": 3, "uniqueFor": "1h", "serialKey": "s"}`
    await hostile(
      'app',
      `select * from kongtask.add_job('mail', '{"a": 1.0}', '${options}')`,
      `select * from kongtask.add_job('mail', '{"a": 1.0}', '${options}')`,
      `select * from kongtask.add_jobs('[{"task": "mail"}, {"task": "b", "priority": 2, "uniqueKey": "k", "onConflict": "replace"}]')`,
      `select * from kongtask.insert_jobs('[{"task": "mail"}]', null, '[{}, {}]')`,
    )
    const { rows } = await database.pool.query<{ count: number }>('select count(*)::int from kongtask.jobs')
    expect(rows).toEqual([{ count: 5 }])
    await hostile(
      'worker',
      `select kongtask.publish('{"mail": {"priority": 2}}', '{default}')`,
      `select kongtask.register_worker(60000, '{}', kongtask.this_session())`,
      `select worker, heartbeat from kongtask.absent_workers()`,
      `select kongtask.rescue_absent_workers('{1}', '{1}')`,
      `select kongtask.claim_jobs(w.id, w.nonce, 1, null, null, 2, array(select t.id from kongtask.tasks t), null, true, false, null, null, null, null, null, null) from kongtask.workers w`,
      `select kongtask.settle_jobs(c.worker, c.queue_id, c.ids, array[1, 1], null, null, null, null, null, null, '{1}') from kongtask.claims c`,
      `select kongtask.heartbeat(w.id, w.nonce, 60000, '{}', 5, '{}', null, false) from kongtask.workers w`,
      `select kongtask.rescue_workers()`,
      `select kongtask.take_turn('x', 5)`,
      `select kongtask.extend_days('history')`,
      `select kongtask.prune_unique_keys(null, null, 10)`,
      `select kongtask.unregister_worker(w.id, w.nonce) from kongtask.workers w`,
    )
    await hostile(
      'kong_owner',
      `select kongtask.renew_access()`,
      `select kongtask.grant_access('add', '${roleOf('app')}')`,
    )
    expect(await executable(roleOf('app'))).toEqual(['add_job', 'add_jobs', 'insert_jobs'])
    await database.pool.query('drop schema evil cascade')
  })
})

describe('granting', () => {
  it('gives exactly what was said last, to roles of any name, and can be taken back', async () => {
    const odd = `odd "Rôle' ${RUN}`
    const identifier = `"${odd.replaceAll('"', '""')}"`
    const owner = pool('kong_owner')
    await database.pool.query(`create role ${identifier}`)
    try {
      const workers = await executable(roleOf('worker'))
      await owner.query('select kongtask.grant_access($1, $2)', ['work', odd])
      expect(await executable(odd)).toEqual(workers)
      await owner.query('select kongtask.grant_access($1, $2)', ['add', odd])
      expect(await executable(odd)).toEqual(['add_job', 'add_jobs', 'insert_jobs'])
      expect(await rights(odd)).toEqual({})
      await owner.query('select kongtask.revoke_access($1)', [odd])
      expect(await executable(odd)).toEqual([])
    } finally {
      // Fails where anything is still granted.
      await database.pool.query(`drop role ${identifier}`)
    }
  })

  it('takes back what the page says, and gives it again', async () => {
    const [, grants = '', revoke = ''] = snippets()
    await pool('kong_owner').query(revoke)
    await expect(kong('app').addJob('x')).rejects.toMatchObject({ code: 'KT_PERMISSION_DENIED' })
    await pool('kong_owner').query(grants)
    await kong('app').addJob('x')
  })

  it.each([
    ['read', roleOf('app')],
    ['', roleOf('app')],
    [null, roleOf('app')],
    ['add', 'nobody-of-this-name'],
    ['add', 'public'],
    ['add', null],
  ])('refuses %j for %j', async (access, role) => {
    await expect(
      pool('kong_owner').query('select kongtask.grant_access($1, $2)', [access, role]),
    ).rejects.toThrow(/^KT_OPTION_INVALID: grant_access/)
  })

  it('is renewed for what a later migration makes, which PUBLIC gets nothing of', async () => {
    const owner = pool('kong_owner')
    await owner.query(
      `create table kongtask.later (id int); create function kongtask.later() returns int language sql return 1`,
    )
    expect(await executable(roleOf('stranger'))).toEqual(['later'])
    await owner.query('select kongtask.renew_access()')
    expect(await executable(roleOf('stranger'))).toEqual([])
    expect(await executable(roleOf('worker'))).toContain('later')
    expect(await rights(roleOf('worker'))).toMatchObject({ later: 'delete insert select update' })
    expect(await executable(roleOf('app'))).toEqual(['add_job', 'add_jobs', 'insert_jobs'])
    await owner.query('drop table kongtask.later; drop function kongtask.later()')
  })

  it('works in a schema of another name, and reaches no other', async () => {
    const other = new KongTask({ pool: pool('kong_owner'), schema: 'select_jobs' })
    await other.migrate()
    await pool('kong_owner').query(`select select_jobs.grant_access('add', $1)`, [roleOf('stranger')])
    const stranger = new KongTask({ pool: pool('stranger'), schema: 'select_jobs' })
    expect(await stranger.addJob('x')).toMatchObject({ status: 'added' })
    await expect(kong('stranger').addJob('x')).rejects.toMatchObject({ code: 'KT_PERMISSION_DENIED' })
    await pool('kong_owner').query(`select select_jobs.revoke_access($1)`, [roleOf('stranger')])
    await pool('kong_owner').query('drop schema select_jobs cascade')
  })
})
