import type { Fence } from './fence.ts'

const SETTLE = 'sql/migrations/0009_settle_jobs.sql'
const COMPLETE = 'sql/migrations/0016_complete_job.sql'
const RECORDS = 'sql/migrations/0015_attempt_records.sql'
const SETTLEMENTS = 'test/store/settle.test.ts'
const COMPLETIONS = 'test/store/complete-job.test.ts'
const OLD_LEASE = { file: SETTLEMENTS, name: 'refuses an old lease and changes nothing: %s' }

export const settling: readonly Fence[] = [
  {
    name: 'settle-compares-claims',
    against: 'A process completes a job under a claim of before, while the job runs again.',
    cuts: [
      {
        file: SETTLE,
        text: ' and p_claims[width_bucket(p_id, p_ids)] = p_claim',
        instead: ' and p_claim is not null',
      },
    ],
    test: OLD_LEASE,
    inModel: true,
  },
  {
    name: 'settle-compares-workers',
    against: 'A process completes a job that another has, whose claim happens to have the same number.',
    cuts: [
      {
        file: SETTLE,
        text: `     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.serial_key, j.limits
`,
        instead: `     where j.ctid = any (p_places)
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.serial_key, j.limits
`,
      },
      {
        file: SETTLE,
        text: `     where j.ctid = any (p_places) and j.worker = p_worker
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.queue_id`,
        instead: `     where j.ctid = any (p_places)
       and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
    returning j.id, j.queue_id`,
      },
      {
        file: SETTLE,
        text: `and j.worker = p_worker
         and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
         for update`,
        instead: `
         and kongtask.is_asked(j.id, j.claim, p_ids, p_claims)
         for update`,
      },
    ],
    test: { file: SETTLEMENTS, name: 'refuses the right claim of another worker: %s' },
    inModel: true,
  },
  {
    name: 'settle-back-compares-leases',
    against: 'A retry, snooze or release that comes too late takes a job away from who runs it.',
    cuts: [
      {
        file: SETTLE,
        text: `      from unnest(v_others) as x
     where j.ctid = x.place and j.worker = p_worker and j.claim = x.claim`,
        instead: `      from unnest(v_others) as x
     where j.ctid = x.place`,
      },
    ],
    test: OLD_LEASE,
    inModel: true,
  },
  {
    name: 'settle-dead-compares-leases',
    against: 'A job is buried that somebody else runs.',
    cuts: [
      {
        file: SETTLE,
        text: `and j.worker = p_worker and j.claim = x.claim
       and x.kind = 'dead'`,
        instead: `and x.kind = 'dead'`,
      },
    ],
    test: OLD_LEASE,
    inModel: true,
  },
  {
    name: 'settle-cancelled-compares-leases',
    against: 'A job is taken away as cancelled that somebody else runs.',
    cuts: [
      {
        file: SETTLE,
        text: `and j.worker = p_worker and j.claim = x.claim
       and (x.kind = 'cancelled'`,
        instead: `and (x.kind = 'cancelled'`,
      },
    ],
    test: OLD_LEASE,
    inModel: true,
  },
  {
    name: 'settle-looks-again',
    against:
      'A job that is moved while it is settled is taken for lost, and stays leased for ever: its ledger row has ended.',
    cuts: [
      { file: SETTLE, text: '    exit when not exists (\n', instead: '    exit when true or not exists (\n' },
    ],
    test: { file: SETTLEMENTS, name: 'is settled all the same: %s' },
  },
  {
    name: 'settle-ends-what-was-cancelled',
    against: 'A job that was cancelled while it ran comes back and runs again.',
    cuts: [{ file: SETTLE, text: 'where found.reason is not null', instead: 'where false' }],
    test: { file: SETTLEMENTS, name: 'ends as that, however else it would have ended: %s' },
    inModel: true,
  },
  {
    name: 'settle-keeps-suspects',
    against:
      'A job that kills its processes is given back once before it started, and counts as innocent again.',
    cuts: [{ file: SETTLE, text: "when x.kind in ('retry', 'snoozed') then 0", instead: 'when true then 0' }],
    test: { file: SETTLEMENTS, name: 'stays one where it did not: %s' },
  },
  {
    name: 'complete-holds-the-lease',
    against: 'A handler whose lease is gone commits its effects, and the job runs once more elsewhere.',
    cuts: [
      {
        file: COMPLETE,
        text: 'where j.ctid = v_place and j.id = p_id and j.worker = p_worker and j.claim = p_claim',
        instead: 'where j.ctid = v_place and j.id = p_id',
      },
      {
        file: COMPLETE,
        text: `(p_queue, array[p_id])) and j.worker = p_worker and j.claim = p_claim`,
        instead: '(p_queue, array[p_id]))',
      },
    ],
    test: {
      file: COMPLETIONS,
      name: 'is refused to whoever has lost it, and nothing of that transaction can commit',
    },
    inModel: true,
  },
  {
    name: 'complete-says-it-was-done',
    against: 'A handler that completes twice is told that its lease was lost.',
    cuts: [
      {
        file: COMPLETE,
        text: 'if exists (select from kongtask.completions c',
        instead: 'if false and exists (select from kongtask.completions c',
      },
    ],
    test: { file: 'test/journeys/completing.test.ts', name: 'completes once: a second transaction cannot' },
    inModel: true,
  },
  {
    name: 'complete-is-for-handlers-that-run',
    against: 'A handler that was left behind completes its job, whose outcome has long been decided.',
    cuts: [
      {
        file: 'src/worker/completion.ts',
        text: 'running.hasEnded ? { ...running.job, lease: NO_LEASE } : running.job',
        instead:
          'running.hasEnded && NO_LEASE.worker === 0 ? { ...running.job, lease: NO_LEASE } : running.job',
      },
    ],
    test: { file: 'test/journeys/completing.test.ts', name: 'cannot complete when it has ended, either' },
  },
  {
    name: 'complete-bounds-idling',
    against:
      'A process hangs with its transaction open, and keeps the job from everybody for as long as its connection lasts.',
    cuts: [
      { file: COMPLETE, text: 'if v_idle_ms = 0 or v_idle_ms > p_idle_ms then', instead: 'if false then' },
    ],
    test: {
      file: COMPLETIONS,
      name: 'bounds how long its transaction may idle, unless that is bounded closer',
    },
  },
  {
    name: 'conclude-waits-for-nobody',
    against: 'A whole batch waits for a transaction of one handler.',
    cuts: [
      {
        file: COMPLETE,
        text: `for update skip locked;
        state`,
        instead: `for update;
        state`,
      },
    ],
    test: {
      file: COMPLETIONS,
      name: 'is pending while the transaction is open, which nobody waits for, and completed when it has committed',
    },
  },
  {
    name: 'conclude-compares-leases',
    against: 'A process believes that a job is still its own which another has.',
    cuts: [
      {
        file: COMPLETE,
        text: `and j.worker = p_worker and j.claim = v_claim;`,
        instead: ';',
      },
      {
        file: COMPLETE,
        text: `and j.worker = p_worker and j.claim = v_claim
            for update`,
        instead: 'for update',
      },
    ],
    test: { file: COMPLETIONS, name: 'is lost when somebody else has it' },
    inModel: true,
  },
  {
    name: 'sweep-leaves-the-living',
    against:
      'What a process completed is followed up by another, and the process itself believes it was lost.',
    cuts: [
      {
        file: COMPLETE,
        text: `where not exists (select from kongtask.workers w where w.id = c.worker and w.rescued_at is null)
       order by`,
        instead: 'where true order by',
      },
    ],
    test: {
      file: COMPLETIONS,
      name: 'behind the commit: the job stays completed, and its serial key goes to the next',
    },
    inModel: true,
  },
  {
    name: 'step-holds-the-lease',
    against: 'A process whose lease is gone stores a step, which the job then never runs.',
    cuts: [
      {
        file: RECORDS,
        text: 'perform kongtask.hold_lease(p_worker, p_claim, p_queue, p_id, p_place, p_idle_ms);',
        instead: '',
      },
    ],
    test: { file: COMPLETIONS, name: 'a step is stored once, by whoever has the job' },
    inModel: true,
  },
  {
    name: 'progress-is-of-who-has-the-job',
    against: 'A process that has lost a job overwrites how far the next one is with it.',
    cuts: [
      {
        file: RECORDS,
        text: 'and j.worker <> 0 and (j.worker <> e.worker or j.claim <> e.claim)',
        instead: 'and false',
      },
    ],
    test: {
      file: 'test/journeys/progress.test.ts',
      name: 'of a process that has lost its job to another is passed over',
    },
  },
]
