import type { Fence } from './fence.ts'

const TABLES = 'sql/migrations/0001_tables.sql'
const SERIAL = 'sql/migrations/0004_serial_keys.sql'
const UNIQUE = 'sql/migrations/0005_unique_keys.sql'
const INSERT = 'sql/migrations/0006_insert_jobs.sql'
const UNIQUES = 'test/store/unique.test.ts'
const SERIALS = 'test/store/serial.test.ts'

export const keys: readonly Fence[] = [
  {
    name: 'unique-is-a-constraint',
    against: 'Two adders of one key at once add two jobs.',
    cuts: [
      {
        file: TABLES,
        text: `  predecessors int8[],
  primary key (task_id, key)
`,
        instead: `  predecessors int8[]
`,
      },
    ],
    test: { file: UNIQUES, name: 'make one job: %s' },
    inModel: true,
  },
  {
    name: 'unique-adders-wait',
    against: 'Adders of a key that is left over take it over both at once.',
    cuts: [
      {
        file: INSERT,
        text: 'where u.task_id = p_kind.task_id and u.key = p_key for update;',
        instead: 'where u.task_id = p_kind.task_id and u.key = p_key;',
      },
    ],
    test: { file: UNIQUES, name: 'of a key that is left over from a finished job make one job: %s' },
  },
  {
    name: 'unique-holds-for-its-window',
    against: 'A job is added again within the time for which it was to be there once.',
    cuts: [
      {
        file: INSERT,
        text: 'or (not v_lives and v_held.until > kongtask.clock())',
        instead: 'or (false and v_held.until > kongtask.clock())',
      },
    ],
    test: {
      file: UNIQUES,
      name: 'goes on when its job is finished, skips whatever would replace, and ends by itself',
    },
    inModel: true,
  },
  {
    name: 'unique-replaces-what-waits',
    against: 'A job that is claimed at this moment is replaced under the hands of who runs it.',
    cuts: [
      {
        file: INSERT,
        text: `array[v_held.job_id])) and j.worker = 0
      returning`,
        instead: `array[v_held.job_id]))
      returning`,
      },
    ],
    test: { file: UNIQUES, name: 'waits for a claim under way and then adds a successor' },
  },
  {
    name: 'unique-refuses-old-views',
    against: 'A transaction that looks at the past skips a job which has long ended, and nothing is added.',
    cuts: [
      {
        file: INSERT,
        text: 'perform kongtask.check_unchanged(v_held.queue_id, v_held.job_id);',
        instead: 'null;',
      },
    ],
    test: { file: UNIQUES, name: 'is told what is right, or that it cannot go on: %s' },
  },
  {
    name: 'unique-is-regained-or-not',
    against: 'A dead letter comes back beside the job that has its key now.',
    cuts: [
      {
        file: UNIQUE,
        text: 'if v_held.job_id <> p_id and kongtask.is_held(v_held) then',
        instead: 'if false then',
      },
    ],
    test: { file: UNIQUES, name: 'gets the key back, unless another job has it, each on its own account' },
    inModel: true,
  },
  {
    name: 'unique-superseded-does-not-come-back',
    against: 'A job whose key went to a successor while it ran comes back, and both run.',
    cuts: [{ file: UNIQUE, text: `elsif p_extras ? 'uniqueKey' then`, instead: 'elsif false then' }],
    test: { file: UNIQUES, name: 'is told so when it is claimed again after a rescue' },
  },
  {
    name: 'unique-pruner-rechecks',
    against: 'The pruner takes away a key that somebody has just added under.',
    cuts: [
      {
        file: UNIQUE,
        text: `if found and not kongtask.is_held(v_row) and kongtask.live_of(v_row.predecessors) = '{}' then`,
        instead: 'if found then',
      },
    ],
    test: { file: UNIQUES, name: 'and adders at once: one of them adds, under a key that stays' },
  },
  {
    name: 'unique-pruner-waits-for-nobody',
    against: 'The pruner waits for whoever adds.',
    cuts: [
      {
        file: UNIQUE,
        text: 'u.task_id = p_task and u.key = p_key for update skip locked;',
        instead: 'u.task_id = p_task and u.key = p_key for update;',
      },
    ],
    test: { file: UNIQUES, name: 'leaves a key that somebody is adding under, without waiting' },
  },
  {
    name: 'serial-admits-the-holder',
    against: 'Two jobs of one serial key run at a time.',
    cuts: [
      {
        file: SERIAL,
        text: `    if v_holder = v_id then
      o_admitted := o_admitted || v_id;
    else
      update`,
        instead: `    if true then
      o_admitted := o_admitted || v_id;
    else
      update`,
      },
    ],
    test: { file: SERIALS, name: 'run one at a time, in order of adding: %s' },
    inModel: true,
  },
  {
    name: 'serial-first-come-first-served',
    against: 'The job that a claim meets first gets the key, not the one that was added first.',
    cuts: [
      {
        file: SERIAL,
        text: 'if v_first = v_id or kongtask.open_lane(p_queue, v_key, v_first) then',
        instead: 'v_first := v_id; if true then',
      },
    ],
    test: { file: SERIALS, name: 'wait for a first one that was added alone and is scheduled' },
    inModel: true,
  },
  {
    name: 'serial-holder-gives-away',
    against: 'A job that only waits gives away the key of the one that runs.',
    cuts: [
      { file: SERIAL, text: 'elsif v_holder = v_id then\n      perform', instead: 'else\n      perform' },
      {
        file: 'sql/migrations/0014_operate.sql',
        text: 'held.key = g.serial_key and held.job_id <> g.id',
        instead: 'held.key = g.serial_key and false',
      },
    ],
    test: {
      file: SERIALS,
      name: 'while it waits lets none run that was redriven, beside the one that has the key',
    },
    inModel: true,
  },
  {
    name: 'serial-adder-holds-the-key',
    against: 'A key is forgotten while a job is on its way that waits for it: nobody ever lets that one run.',
    cuts: [{ file: INSERT, text: 'for key share) as taken', instead: ') as taken' }],
    test: {
      file: SERIALS,
      name: 'as the last of its key leaves nothing, and an adder that has seen the key is not stuck',
    },
  },
  {
    name: 'serial-forgets-under-lock',
    against: 'A key is forgotten although an adder holds it, whose job then waits for ever.',
    cuts: [
      {
        file: SERIAL,
        text: 'perform from kongtask.serial_keys s where s.queue_id = p_queue and s.key = p_key for update skip locked;',
        instead: 'perform from kongtask.serial_keys s where s.queue_id = p_queue and s.key = p_key;',
      },
    ],
    test: {
      file: SERIALS,
      name: 'as the last of its key leaves nothing, and an adder that has seen the key is not stuck',
    },
  },
  {
    name: 'serial-looks-twice',
    against: 'A job that arrives between the last look for a next one and forgetting the key is never run.',
    cuts: [
      {
        file: SERIAL,
        text: `      v_next := kongtask.first_of_key(p_queue, p_key);
      if v_next is null then
        delete`,
        instead: `      if v_next is null then
        delete`,
      },
    ],
    test: {
      file: SERIALS,
      name: 'that adds and commits between the last look for a next job and forgetting the key is not forgotten',
    },
  },
  {
    name: 'serial-one-makes-keys',
    against: 'Claims wait for a key that another is just making, and for each other crosswise.',
    cuts: [
      {
        file: SERIAL,
        text: `return pg_try_advisory_xact_lock('kongtask.serial_keys'::regclass::oid::int4, p_queue);`,
        instead: 'return true;',
      },
    ],
    test: { file: SERIALS, name: 'of new keys makes neither claims, nor adders, nor settlements wait' },
  },
]
