// What `kongtask doctor` finds on databases that something is wrong with; each remedy is carried out as it is printed.
import { randomBytes } from 'node:crypto'
import { KongTask, run } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkListening } from '../../src/doctor/checks/listening.ts'
import { checkVacuumHolders, judgeHolders } from '../../src/doctor/checks/vacuum-holders.ts'
import { examine } from '../../src/doctor/examine.ts'
import { isWell, type Finding, type FindingCode } from '../../src/doctor/finding.ts'
import type { Session } from '../../src/doctor/patient.ts'
import { openSession } from '../../src/doctor/session.ts'
import { examineServer, examineVacuumHolders, type ServerState } from '../../src/store/examine.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { readOnly } from '../../src/store/read-only.ts'
import { silent } from '../journeys/journey-logger.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const look = (connectionString = database.connectionString): Promise<readonly Finding[]> =>
  examine({ connectionString, schema: 'kongtask' })

function of(found: readonly Finding[], check: string): readonly Finding[] {
  return found.filter((each) => each.check === check)
}

function codes(found: readonly Finding[]): readonly FindingCode[] {
  return found.map(({ code }) => code)
}

/** The statements of a line `psql "$DATABASE_URL" -c '…' -c '…'`, as a shell would hand them on. */
function statementsOf({ command }: Finding): readonly string[] {
  expect(command).toMatch(/^psql "\$DATABASE_URL"(?: -c '(?:[^']|'\\'')*')+$/)
  return [...(command ?? '').matchAll(/ -c '((?:[^']|'\\'')*)'/g)].map(([, text = '']) =>
    text.replaceAll(String.raw`'\''`, "'"),
  )
}

async function remedy(found: readonly Finding[]): Promise<void> {
  for (const each of found) for (const statement of statementsOf(each)) await database.pool.query(statement)
}

const INDEXES = `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as made
  from pg_index i join pg_class t on t.oid = i.indrelid
 where t.relnamespace = 'kongtask'::regnamespace and not t.relispartition order by 1`

const DROP_INDEXES = `do $$ declare r record; begin
  for r in select x.relname, t.oid::regclass as owner, con.conname
             from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
             left join pg_constraint con on con.conindid = i.indexrelid
            where t.relnamespace = 'kongtask'::regnamespace and not t.relispartition
  loop
    if r.conname is null then execute format('drop index kongtask.%I', r.relname);
    else execute format('alter table %s drop constraint %I', r.owner, r.conname); end if;
  end loop;
end $$`

describe('indexes', () => {
  it('each that the migrations make is missed where it is missing, and its remedy makes the very same again', async () => {
    await using bare = await createTestDatabase()
    const { rows: before } = await bare.pool.query<{ name: string; made: string }>(INDEXES)
    expect(codes(of(await look(bare.connectionString), 'indexes'))).toEqual(['indexes_sound'])
    await bare.pool.query(DROP_INDEXES)
    const missing = of(await look(bare.connectionString), 'indexes')
    expect(new Set(codes(missing))).toEqual(new Set(['index_missing']))
    expect(missing).toHaveLength(before.length)
    for (const each of missing) for (const text of statementsOf(each)) await bare.pool.query(text)
    expect((await bare.pool.query(INDEXES)).rows).toEqual(before)
    expect(codes(of(await look(bare.connectionString), 'indexes'))).toEqual(['indexes_sound'])
  })

  it('one that is invalid is built anew', async () => {
    await database.pool.query(
      `update pg_index set indisvalid = false where indexrelid = 'kongtask.jobs_serial'::regclass`,
    )
    const found = of(await look(), 'indexes')
    expect(found).toMatchObject([{ code: 'index_invalid', what: expect.stringContaining('jobs_serial') }])
    await remedy(found)
    expect(codes(of(await look(), 'indexes'))).toEqual(['indexes_sound'])
  })
})

describe('dead rows', () => {
  it('that autovacuum does not come for are told with the setting that keeps it away', async () => {
    await database.pool.query('alter table kongtask.claims set (autovacuum_enabled = off)')
    const client = await database.pool.connect()
    await client.query(
      `insert into kongtask.claims (worker, claim, queue_id, ids) select 1, n, 1, '{}' from generate_series(1, 5000) n`,
    )
    await client.query('delete from kongtask.claims')
    // The server tells what it counted when the session ends, at the latest.
    client.release(true)
    await expect.poll(async () => codes(of(await look(), 'tables'))).toContain('table_dead_rows')
    const found = of(await look(), 'tables')
    expect(found).toMatchObject([
      { code: 'table_not_vacuumed', severity: 'error', what: expect.stringContaining('table claims') },
      { code: 'table_dead_rows', what: expect.stringContaining('5000 dead rows beside 0') },
    ])
    await remedy(found)
    expect(codes(of(await look(), 'tables'))).toEqual(['tables_sound'])
  })
})

describe('vacuum', () => {
  it('is held back by a transaction that stays open, which the remedy ends', async () => {
    const db = { query: (text: string, values: readonly unknown[]) => database.pool.query(text, [...values]) }
    const patient = { ...NOBODY, db, server: await examineServer(db, 'kongtask') }
    const client = await database.pool.connect()
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve)
      client.on('error', () => undefined)
    })
    await client.query('begin')
    await client.query('select pg_current_xact_id()')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    expect(codes(await checkVacuumHolders(patient))).toEqual(['vacuum_free'])
    const found = await checkVacuumHolders(patient, { longest: 0 })
    expect(found).toMatchObject([
      {
        code: 'vacuum_held_back',
        what: expect.stringMatching(
          new RegExp(
            `the session "kongtask test" \\(pid ${rows[0]?.pid}\\), for \\d+ s, \\d+ transactions? old \\(idle in transaction: `,
          ),
        ),
      },
    ])
    await remedy(found)
    await ended
    client.release(true)
    expect((await checkVacuumHolders(patient, { longest: 0 })).map(({ what }) => what)).toEqual([
      'Nobody holds vacuum back.',
    ])
  })

  it('is held back by a slot: one that nobody uses is dropped, of one in use only who uses it is asked', async () => {
    const client = await database.pool.connect()
    // Stands before the server's own, for this session.
    await client.query(
      `begin; create temporary view pg_replication_slots as
       select 'forgotten' as slot_name, 'physical' as slot_type, false as active, null::int4 as active_pid,
              '3'::xid as xmin, null::xid as catalog_xmin
        union all
       select 'subscriber', 'logical', true, 4711, null, '3'`,
    )
    const db = { query: (text: string, values: readonly unknown[]) => client.query(text, [...values]) }
    const holders = await examineVacuumHolders(db, 'kongtask')
    client.release(true)
    const slots = holders.filter(({ kind }) => kind === 'slot')
    const commands = judgeHolders(slots, { oldest: 0 }).map(({ what, command }) => [
      /"(.+?)"/.exec(what)?.[1],
      command,
    ])
    expect(Object.fromEntries(commands)).toEqual({
      forgotten: expect.stringContaining(String.raw`select pg_drop_replication_slot('\''forgotten'\'')`),
      subscriber: expect.stringMatching(
        / -c 'select application_name, .+ from pg_stat_replication where pid = 4711'$/,
      ),
    })
  })

  it('cannot be judged by a role that does not see other sessions, which is told', async () => {
    const db = { query: (text: string, values: readonly unknown[]) => database.pool.query(text, [...values]) }
    const server: ServerState = {
      ...(await examineServer(db, 'kongtask')),
      seesAll: false,
      seesHow: 'grant pg_read_all_stats to app',
    }
    expect(codes(await checkVacuumHolders({ ...NOBODY, db, server }))).toEqual([
      'vacuum_free',
      'vacuum_unseen',
    ])
  })
})

describe('listening', () => {
  it('works where a session hears itself', async () => {
    const open = (): Promise<Session> => openSession(database.directConnectionString)
    expect(codes(await checkListening({ ...NOBODY, openSession: open }))).toEqual(['listen_works'])
  })

  it('is told not to where each statement may go to another session, as behind a pooler', async () => {
    await using first = await openSession(database.directConnectionString)
    await using second = await openSession(database.directConnectionString)
    let statements = 0
    const pooled: Session = {
      heard: [],
      query: (text, values) => (statements++ % 2 === 0 ? first : second).query(text, values),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
    const found = await checkListening({ ...NOBODY, openSession: () => Promise.resolve(pooled) })
    expect(codes(found)).toEqual(['listen_pooled'])
    expect(found[0]?.what).toMatch(/pid \d+, then pid \d+/)
    // One that lends the same session each time, and passes nothing on that was not asked for.
    const deaf: Session = { ...pooled, query: (text, values) => first.query(text, values) }
    expect(codes(await checkListening({ ...NOBODY, openSession: () => Promise.resolve(deaf) }, 0))).toEqual([
      'listen_pooled',
    ])
  })
})

describe('workers', () => {
  it('of which nothing was heard are named, and the remedy declares them dead', async () => {
    await database.pool.query(
      `insert into kongtask.workers (heartbeat_at, expires_at, info)
       values (clock_timestamp() - interval '1 min', clock_timestamp() - interval '45 s', '{"host": "web-1", "pid": 4711}')`,
    )
    const found = of(await look(), 'workers')
    expect(codes(found)).toEqual(['workers_none', 'worker_silent'])
    expect(found[1]?.what).toMatch(/^Nothing was heard for 6\d s of worker \d+ \(pid 4711 on web-1\)/)
    await remedy(found.slice(1))
    expect(codes(of(await look(), 'workers'))).toEqual(['workers_none'])
  })
})

describe('roles', () => {
  const suffix = randomBytes(4).toString('hex')
  const [app, worker, part, stranger] = ['app', 'worker', 'part', 'stranger'].map(
    (name) => `doctor_${name}_${suffix}`,
  )
  const all = [app, worker, part, stranger]
  beforeAll(async () => {
    for (const role of all) await database.pool.query(`create role ${role} login password 'secret'`)
    await database.pool.query(
      `select kongtask.grant_access('add', $1), kongtask.grant_access('work', $2), kongtask.grant_access('work', $3)`,
      [app, worker, part],
    )
    await database.pool.query(`revoke delete on kongtask.jobs from ${part}`)
  })
  afterAll(async () => {
    for (const role of all) {
      await database.pool.query(`drop owned by ${role}`)
      await database.pool.query(`drop role ${role}`)
    }
  })
  const asRole = async (role = ''): Promise<readonly Finding[]> => {
    const url = new URL(database.connectionString)
    url.username = role
    url.password = 'secret'
    return look(url.href)
  }

  it('that may add, work or nothing are told what they lack', async () => {
    const adding = await asRole(app)
    expect(codes(of(adding, 'role'))).toEqual([
      'role_may_add',
      'role_may_not_administer',
      'role_may_not_work',
    ])
    // It works as it is meant to, so nothing is wrong; and what it may not look at is said.
    expect(isWell(adding)).toBe(true)
    expect(codes(of(adding, 'workers'))).toEqual(['check_denied'])
    expect(codes(of(await asRole(worker), 'role'))).toEqual([
      'role_may_add',
      'role_may_not_administer',
      'role_may_work',
    ])
    const [none] = of(await asRole(stranger), 'role')
    expect(none).toMatchObject({
      code: 'role_may_not_add',
      severity: 'error',
      command: expect.stringContaining(
        String.raw`select kongtask.grant_access('\''add'\'', '\''${stranger}'\'')`,
      ),
    })
  })

  it('that may work in part are told which part is missing, and the remedy grants it', async () => {
    const found = of(await asRole(part), 'role').filter(({ code }) => code === 'role_works_in_part')
    expect(found).toMatchObject([{ what: expect.stringContaining('it lacks delete of jobs.') }])
    await remedy(found)
    expect(codes(of(await asRole(part), 'role'))).toContain('role_may_work')
  })
})

describe('a database', () => {
  it('that does not answer is all that is told, beside this machine', async () => {
    expect(codes(await look('postgres://nobody@127.0.0.1:1/nothing'))).toEqual([
      'node_supported',
      'database_unreachable',
    ])
  })

  it('refuses whatever would be written while it is examined', async () => {
    const db = readOnly(pgDatabase(database.pool, 10_000), 5_000)
    await expect(db.query("insert into kongtask.queues (name) values ('x')", [])).rejects.toMatchObject({
      code: '25006',
    })
    await expect(db.query("select kongtask.add_job('x')", [])).rejects.toMatchObject({ code: '25006' })
  })

  it('in which one thing cannot be looked at is looked at for the rest', async () => {
    await using broken = await createTestDatabase()
    await broken.pool.query('alter table kongtask.workers rename column info to about')
    const found = await look(broken.connectionString)
    expect(codes(of(found, 'workers'))).toEqual(['check_failed'])
    expect(codes(found)).toEqual(expect.arrayContaining(['indexes_sound', 'tables_sound', 'role_may_add']))
  })

  it('in which a worker works is well', async () => {
    await using healthy = await createTestDatabase()
    const runner = await run({ pool: healthy.pool, tasks: { hello: () => 1 }, logger: silent })
    const found = await look(healthy.connectionString)
    await runner.stop()
    expect(found.filter(({ severity }) => severity !== 'fine')).toEqual([])
  })

  it('whose tasks have jobs and no worker, and whose queues are paused or served by nobody, is told so', async () => {
    await using busy = await createTestDatabase()
    const kong = new KongTask({ pool: busy.pool })
    const options = {
      pool: busy.pool,
      tasks: { hello: () => 1 },
      queues: { mail: 1, held: 1 },
      logger: silent,
    }
    const runner = await run(options)
    await kong.queues.pause('held')
    await kong.addJob('hello', {}, { queue: 'held' })
    await kong.addJob('hello', {}, { queue: 'reports' })
    for (const queue of ['mail', 'reports']) await kong.addJob('unheard_of', {}, { queue, scheduledIn: '1h' })
    const found = await look(busy.connectionString)
    await runner.stop()
    expect(of(found, 'tasks')).toMatchObject([
      {
        code: 'task_unserved',
        what: 'No process performs the task unheard_of, of which 2 jobs wait.',
        remedy: expect.stringMatching(/: kongtask jobs cancel --task unheard_of$/),
        command: 'kongtask work',
      },
    ])
    expect(of(found, 'queues')).toMatchObject([
      { code: 'queue_unserved', command: 'kongtask work --queues reports=10' },
      { code: 'queue_paused', command: 'kongtask queues resume held' },
    ])
  })
})

/** What the checks above do not look at. */
const NOBODY = {
  schema: 'kongtask',
  clockOffset: 0,
  latency: 0,
  openSession: () => Promise.reject(new Error('not needed')),
  kongtask: (line: string) => `kongtask ${line}`,
}
