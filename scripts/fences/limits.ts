import type { Fence } from './fence.ts'

const LIMITS = 'sql/migrations/0018_limits.sql'
const TESTS = 'test/store/limits.test.ts'

export const limits: readonly Fence[] = [
  {
    name: 'limits-have-one-judge',
    against: 'Two claims count at the same time, and each lets through what the limit leaves.',
    cuts: [
      {
        file: LIMITS,
        text: 'where pg_try_advisory_xact_lock(kongtask.gate_number(p_queue, asked.gate)));',
        instead: ');',
      },
    ],
    test: {
      file: TESTS,
      name: 'of the same key do not wait for each other: one of them leaves the jobs to the other',
    },
  },
  {
    name: 'limits-need-read-committed',
    against: 'A claim counts what was held when its transaction began.',
    cuts: [
      {
        file: LIMITS,
        text: `if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then`,
        instead: 'if false then',
      },
    ],
    test: { file: TESTS, name: 'a claim says that limits cannot be kept there' },
  },
  {
    name: 'limits-count-what-is-held',
    against: 'More jobs run at once than the limit says.',
    cuts: [
      {
        file: LIMITS,
        text: `elsif v_held[v_at] >= (v_spec ->> 'limit')::int4 then`,
        instead: 'elsif false then',
      },
    ],
    test: { file: TESTS, name: 'lets no more be held than it says, and all of them run: %s' },
  },
  {
    name: 'limits-count-leases-that-hold',
    against:
      'Jobs that have ended count for ever, as long as their claim is not closed, and others wait for no reason.',
    cuts: [
      {
        file: LIMITS,
        text: `and named.gate = any (p_gates)
       and (select j.worker = c.worker and j.claim = c.claim
              from kongtask.jobs j`,
        instead: `and named.gate = any (p_gates)
       and (select true
              from (select) as j`,
      },
    ],
    test: { file: TESTS, name: 'makes room for another when a job ends: %s' },
  },
  {
    name: 'rates-take-tokens',
    against: 'More jobs start in a period than the rate says.',
    cuts: [{ file: LIMITS, text: 'if v_tokens[v_at] < 1 then', instead: 'if false then' }],
    test: { file: TESTS, name: 'lets one start, then the next when its time has come' },
  },
  {
    name: 'queue-limit-counts',
    against: 'More jobs of a queue run at once than its limit says.',
    cuts: [
      {
        file: LIMITS,
        text: 'o_limit := greatest(0, least(o_limit, p_concurrency - kongtask.held_in(p_queue)));',
        instead: 'null;',
      },
    ],
    test: { file: TESTS, name: 'lets no more of its jobs be held than it says, whoever claims' },
  },
  {
    name: 'queue-limit-has-one-judge',
    against: 'Two claims of one queue count at the same time.',
    cuts: [
      {
        file: LIMITS,
        text: `o_again := kongtask.lock_gates(p_queue, '{queue}') = '{}';`,
        instead: 'o_again := false;',
      },
    ],
    test: { file: TESTS, name: 'is judged by one claim at a time' },
  },
]
