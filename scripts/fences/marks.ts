import type { Fence } from './fence.ts'

const CLAIM = 'sql/migrations/0008_claim_jobs.sql'
const MARKS = 'src/worker/low-water-marks.ts'
const MARK_TESTS = 'src/worker/low-water-marks.test.ts'
const POSITIONS = 'test/store/positions.test.ts'

export const marks: readonly Fence[] = [
  {
    name: 'mark-has-a-horizon',
    against: 'A mark passes a transaction that is still adding, and no claim looks at what it added.',
    cuts: [
      {
        file: MARKS,
        text: 'if (lane >= 0 && lane < LANES) lanes[lane] = earlier({ at, id }, horizon)',
        instead: 'if (lane >= 0 && lane < LANES) lanes[lane] = { at, id }',
      },
    ],
    test: { file: MARK_TESTS, name: 'are never above the horizon, however far the claim came' },
  },
  {
    name: 'mark-waits-for-older-transactions',
    against: 'The horizon rises above a transaction that has not ended.',
    cuts: [
      {
        file: MARKS,
        text: 'time.xid >= xmin)',
        instead: 'time.xid >= Infinity && xmin > 0)',
      },
    ],
    test: { file: MARK_TESTS, name: 'stay where they are while an older transaction is open' },
  },
  {
    name: 'mark-is-forgotten-after-a-failure',
    against:
      'What was locked by a claim that rolled back was passed by the other one, and lies behind its mark.',
    cuts: [
      {
        file: MARKS,
        text: 'if (claim.generation !== this.#generation || claim.horizon === undefined) return',
        instead: 'if (claim.horizon === undefined) return',
      },
    ],
    test: { file: MARK_TESTS, name: 'are forgotten after a failure, and what was sent before it makes none' },
  },
  {
    name: 'mark-is-forgotten-when-the-clock-goes-back',
    against: 'With the clock put back, new jobs lie before marks.',
    cuts: [{ file: MARKS, text: 'if (this.#isAhead(time.now)) this.forget()', instead: '' }],
    test: { file: MARK_TESTS, name: 'begin anew where the clock was put back' },
  },
  {
    name: 'mark-holds-for-the-time-after-it',
    against: 'A claim of before the clock was put back begins behind jobs that were added since.',
    cuts: [
      {
        file: CLAIM,
        text: 'case when p_mark_us <= p_now_us then',
        instead: 'case when p_mark_us is not null then',
      },
    ],
    test: {
      file: 'test/store/claim-ready.test.ts',
      name: 'looks from the start where its marks are of a time to come',
    },
  },
  {
    name: 'mark-holds-for-what-is-paused',
    against: 'Jobs of a task that was resumed lie behind a mark that was made while it was paused.',
    cuts: [
      {
        file: CLAIM,
        text: 'v_mark := case when p_mark_paused = v_asked.paused then',
        instead: 'v_mark := case when true then',
      },
    ],
    test: { file: POSITIONS, name: 'is found by a claim whose marks are of when its task was paused' },
  },
  {
    name: 'mark-is-none-for-what-came-back',
    against: 'What is given back with its time of before lies behind the marks.',
    cuts: [
      {
        file: CLAIM,
        text: 'return case when p_turn % 2 = 1 then p_first',
        instead: 'return case when true then p_first',
      },
    ],
    test: {
      file: 'test/store/claim-ready.test.ts',
      name: 'begins at its marks, but looks from the start at what has come back',
    },
  },
  {
    name: 'position-released',
    against: 'A job that is given back lies where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0009_settle_jobs.sql',
        text: ` + case when x.kind = 'released' then 128 else 0 end`,
        instead: '',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
    inModel: true,
  },
  {
    name: 'position-rescued',
    against: 'What a dead process had lies where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0010_workers.sql',
        text: 'lane = (j.lane & 15) + 128,',
        instead: 'lane = j.lane & 15,',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
    inModel: true,
  },
  {
    name: 'position-unparked',
    against: 'What was parked while its task was paused comes back where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0017_control.sql',
        text: 'update kongtask.jobs j set lane = (j.lane & 15) + 128 where j.ctid = any (v_places);',
        instead: 'update kongtask.jobs j set lane = j.lane & 15 where j.ctid = any (v_places);',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
    inModel: true,
  },
  {
    name: 'position-of-a-key',
    against: 'A job that gets its serial key lies where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0004_serial_keys.sql',
        text: 'set lane = (j.lane & 15) + 128, waits_for = null where',
        instead: 'set lane = j.lane & 15, waits_for = null where',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
  },
  {
    name: 'position-of-a-gate',
    against: 'A job that a limit lets go on lies where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0018_limits.sql',
        text: 'case when j.lane & 48 = 0 then (j.lane & 15) + 128 else j.lane & 63 end',
        instead: 'j.lane & 63',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
  },
  {
    name: 'position-moved',
    against: 'A job that gets another priority lies where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0014_operate.sql',
        text: 'when coalesce(p_run_at, j.run_at) < v_now then 128 else 0 end',
        instead: 'else 0 end',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
    inModel: true,
  },
  {
    name: 'position-replaced',
    against: 'A job that is replaced and keeps its time lies where nobody looks any more.',
    cuts: [
      {
        file: 'sql/migrations/0006_insert_jobs.sql',
        text: `when p_kind.on_conflict = 'keep_schedule' and v_old.run_at < p_now then p_kind.priority + 128`,
        instead: '',
      },
    ],
    test: { file: POSITIONS, name: 'lies behind no mark: %s' },
  },
  {
    name: 'number-before-time-added',
    against: 'A job’s time is older than its transaction, and marks of in between are above it.',
    cuts: [
      {
        file: 'sql/migrations/0006_insert_jobs.sql',
        text: `  v_now := case when pg_current_xact_id() is not null then kongtask.clock() end;

  -- One job`,
        instead: `  v_now := kongtask.clock();

  -- One job`,
      },
    ],
    test: { file: POSITIONS, name: 'is a time that was read behind the number of its transaction: %s' },
  },
  {
    name: 'number-before-time-moved',
    against:
      'Whether a job comes back with a time of before is judged by a time that is older than the transaction.',
    cuts: [
      {
        file: 'sql/migrations/0014_operate.sql',
        text: `  v_now timestamptz := case when pg_current_xact_id() is not null then kongtask.clock() end;
  v_queues`,
        instead: `  v_now timestamptz := kongtask.clock();
  v_queues`,
      },
    ],
    test: { file: POSITIONS, name: 'is a time that was read behind the number of its transaction: %s' },
  },
  {
    name: 'number-before-time-retried',
    against: 'The time of a retry is older than its transaction.',
    cuts: [
      {
        file: 'sql/migrations/0009_settle_jobs.sql',
        text: 'perform kongtask.lock_held(p_worker, p_queue, v_ids, v_ids, v_claims);',
        instead: '',
      },
    ],
    test: { file: POSITIONS, name: 'is a time that was read behind the number of its transaction: %s' },
  },
]
