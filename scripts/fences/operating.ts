import type { Fence } from './fence.ts'

const OPERATE = 'sql/migrations/0014_operate.sql'
const MIGRATE = 'src/store/migrate.ts'
const MIGRATIONS = 'test/store/migrate.test.ts'
const HISTORY = 'test/store/history.test.ts'
const WORKERS = 'sql/migrations/0010_workers.sql'
const LIVES = 'test/store/workers.test.ts'

/** Operators, chores and migrations. */
export const operating: readonly Fence[] = [
  {
    name: 'operate-waits-for-nobody',
    against: 'An operator waits for whoever has a job locked, and what he holds himself waits with him.',
    cuts: [
      {
        file: OPERATE,
        text: `for update skip locked
  loop
    -- Where the job has left`,
        instead: `for update
  loop
    -- Where the job has left`,
      },
    ],
    test: { file: 'test/client/operate/all-that-match.test.ts', name: 'is left alone and counted' },
    inModel: true,
  },
  {
    name: 'operate-rechecks-the-filter',
    against: 'What has changed since it was found is changed all the same.',
    cuts: [
      { file: OPERATE, text: `when not v_matches then 'unmatched'`, instead: `when false then 'unmatched'` },
    ],
    test: {
      file: 'test/client/operate/all-that-match.test.ts',
      name: 'what changed since it was found is left alone: a filter is read again under the lock',
    },
  },
  {
    name: 'operate-leaves-what-runs',
    against: 'A job is deleted or moved under the hands of who runs it.',
    cuts: [
      {
        file: OPERATE,
        text: `when worker <> 0 then 'running' else 'waiting' end;`,
        instead: `when false then 'running' else 'waiting' end;`,
      },
    ],
    test: {
      file: 'test/client/operate/one-job.test.ts',
      name: 'is left alone by %s, which says what to do first',
    },
    inModel: true,
  },
  {
    name: 'operate-brings-back-once',
    against: 'Two operators bring one dead letter back twice.',
    cuts: [
      {
        file: OPERATE,
        text: 'where d.id = p_id and d.dropped_at = p_day for update skip locked;',
        instead: 'where d.id = p_id and d.dropped_at = p_day;',
      },
    ],
    test: { file: 'test/store/unique.test.ts', name: 'twice at once brings a letter back once' },
  },
  {
    name: 'operate-sees-what-expired',
    against: 'What has expired lives again.',
    cuts: [{ file: OPERATE, text: 'where f.expires_at > v_now;\nend', instead: ';\nend' }],
    test: { file: HISTORY, name: 'are seen and come back by nothing as soon as they have expired' },
    inModel: true,
  },
  {
    name: 'chore-has-one-turn',
    against: 'Every process does the chores of all.',
    cuts: [
      {
        file: 'sql/migrations/0012_chores.sql',
        text: 'where c.name = p_chore and c.due_at <= clock_timestamp();',
        instead: 'where c.name = p_chore;',
      },
    ],
    test: { file: HISTORY, name: 'is given to one of many, and again when its time is over' },
  },
  {
    name: 'chore-adds-days-once',
    against: 'Two processes add the same day, and one of them fails.',
    cuts: [
      {
        file: 'sql/migrations/0002_history.sql',
        text: `select greatest(until, $1) from kongtask.%I for update'`,
        instead: `select greatest(until, $1) from kongtask.%I'`,
      },
    ],
    test: { file: HISTORY, name: 'are added once by two at once' },
  },
  {
    name: 'chore-leaves-a-day-for-an-hour',
    against: 'A day is dropped at midnight under those who are still settling into it.',
    cuts: [
      {
        file: 'sql/queries/read_expired_days.sql',
        text: "(kongtask.clock() - interval '1 hour')",
        instead: 'kongtask.clock()',
      },
    ],
    test: { file: HISTORY, name: 'stays for an hour for those who are still settling into it' },
  },
  {
    name: 'settle-into-days-that-are-there',
    against: 'The clock goes back behind a day that was dropped, and nothing can be settled.',
    cuts: [
      {
        file: 'sql/migrations/0009_settle_jobs.sql',
        text: 'where g.expires_at >= v_days.since and g.expires_at < v_days.until',
        instead: 'where g.expires_at < v_days.until',
      },
      {
        file: 'sql/migrations/0009_settle_jobs.sql',
        text: 'where g.expires_at < v_days.since or g.expires_at >= v_days.until',
        instead: 'where g.expires_at >= v_days.until',
      },
    ],
    test: { file: HISTORY, name: 'is missed by nobody when the clock goes back behind it' },
  },
  {
    name: 'chore-prunes-without-waiting',
    against: 'Two who forget what has expired wait for each other.',
    cuts: [
      {
        file: 'sql/queries/prune_overflow.sql',
        text: `   order by o.expires_at
   limit :limit
     for update skip locked`,
        instead: `   order by o.expires_at
   limit :limit
     for update`,
      },
    ],
    test: { file: HISTORY, name: 'is emptied by two at once without waiting' },
  },
  {
    name: 'chore-is-not-begun-twice',
    against: 'A chore that takes its time is begun again before it has ended.',
    cuts: [
      {
        file: 'src/maintenance/when-due.ts',
        text: 'if (due[name] !== true || running.has(name)) continue',
        instead: 'if (due[name] !== true) continue',
      },
    ],
    test: {
      file: 'src/maintenance/when-due.test.ts',
      name: 'is not begun again before it ends, and then it is',
    },
  },
  {
    name: 'unlock-blames-nobody',
    against: 'An operator unlocks a process, and a job that somebody had locked then is buried for it.',
    cuts: [{ file: 'sql/migrations/0017_control.sql', text: ', is_blameless = true', instead: '' }],
    test: {
      file: 'test/store/control.test.ts',
      name: 'counts no crash for that one either, and does not bury it though it ran alone',
    },
  },
  {
    name: 'unregister-blames-nobody',
    against: 'A process ends in good order, and a job that somebody had locked then is buried for it.',
    cuts: [
      {
        file: WORKERS,
        text: 'update kongtask.workers w set is_blameless = true where w.id = p_worker;',
        instead: '',
      },
    ],
    test: { file: LIVES, name: 'is not blamed by that rescue, though the job ran alone' },
  },
  {
    name: 'rescue-waits-after-an-outage',
    against: 'The first process that is back after an outage declares all others dead.',
    cuts: [
      {
        file: WORKERS,
        text: 'case when w.expires_at < clock_timestamp() then clock_timestamp() else w.unbroken_since end',
        instead: 'w.unbroken_since',
      },
    ],
    test: {
      file: LIVES,
      name: 'the first one that is back takes nobody for dead, and the others keep their jobs',
    },
  },
  {
    name: 'rescue-holds-its-own-lease',
    against:
      'A process that is back after an outage declares all others dead before it knows that it was away.',
    cuts: [{ file: WORKERS, text: ' and w.expires_at >= clock_timestamp()) as self', instead: ') as self' }],
    test: {
      file: LIVES,
      name: 'the first one that is back takes nobody for dead, and the others keep their jobs',
    },
  },
  {
    name: 'rescue-waits-where-it-starts',
    against: 'A process that is started when an outage ends declares all others dead.',
    cuts: [
      {
        file: WORKERS,
        text: "where w.heartbeat_at > n.now - p_lease_ms * interval '1 ms'",
        instead: 'where true',
      },
    ],
    test: { file: LIVES, name: 'one that is just being started does not either, for a lease' },
  },
  {
    name: 'rescue-doubts-itself',
    against: 'A process that has no lease, and does not know how long, declares others dead.',
    cuts: [
      {
        file: 'src/maintenance/rescuer.ts',
        text: 'if (worker === undefined) return 0',
        instead: 'if (worker === -1) return 0',
      },
    ],
    test: {
      file: 'src/maintenance/rescuer.test.ts',
      name: 'is left to others while our own lease is in doubt',
    },
  },
  {
    name: 'absent-after-an-outage',
    against:
      'A network is away for longer than a lease, and the first process that is back declares all others dead.',
    cuts: [{ file: WORKERS, text: '       and (kongtask.judges(p_self)).o_absent\n', instead: '' }],
    test: {
      file: 'test/store/absent-workers.test.ts',
      name: 'keeps its jobs from one that was cut off longer than a lease, and has just come back',
    },
  },
  {
    name: 'pills-let-go-in-order',
    against: 'A rescue locks limits in the order of the workers, and deadlocks with a settlement.',
    cuts: [
      {
        file: WORKERS,
        text: `group by p.queue_id
            order by p.queue_id`,
        instead: `group by p.queue_id, p.id
            order by p.id`,
      },
    ],
    test: {
      file: 'test/store/poison-pill.test.ts',
      name: 'of several workers at once, with different limits, does not deadlock with those who settle',
    },
  },
  {
    name: 'park-holds-the-task',
    against: 'Jobs are parked behind a resume, and nobody brings them back.',
    cuts: [
      {
        file: 'sql/migrations/0017_control.sql',
        text: 'where t.paused_at is not null order by t.id for no key update skip locked);',
        instead: 'where t.paused_at is not null order by t.id);',
      },
    ],
    test: {
      file: 'test/maintenance/parker.test.ts',
      name: 'come back although the task was resumed while a batch was being parked',
    },
  },
  {
    name: 'migrate-takes-turns',
    against: 'Two processes that start at once apply the same migration.',
    cuts: [{ file: MIGRATE, text: 'await runStatement(tx, schema, lockMigrations, {})', instead: '' }],
    test: { file: MIGRATIONS, name: 'by twenty at once happens once' },
  },
  {
    name: 'migrate-looks-again',
    against: 'Who has waited for another applies what that one has applied.',
    cuts: [
      { file: MIGRATE, text: 'applied = await appliedMigrations(tx, schema, migrations)\n', instead: '\n' },
    ],
    test: { file: MIGRATIONS, name: 'by twenty at once happens once' },
  },
  {
    name: 'migrate-refuses-newer-ones',
    against: 'Old code works on tables that newer code has changed in a way that it does not know.',
    cuts: [
      {
        file: MIGRATE,
        text: 'if (breaking !== undefined) {',
        instead: 'if (breaking !== undefined && false) {',
      },
    ],
    test: { file: MIGRATIONS, name: 'in a breaking way is refused, whatever comes after' },
  },
  {
    name: 'migrate-refuses-foreign-ones',
    against: 'A migration takes a schema for its own in which somebody else keeps tables.',
    cuts: [{ file: MIGRATE, text: 'if (!found.occupied) return -1', instead: 'return -1' }],
    test: { file: MIGRATIONS, name: 'with %s is refused, and not touched' },
  },
]
