import type { Fence } from './fence.ts'

const CLAIM = 'sql/migrations/0008_claim_jobs.sql'
const READY = 'sql/migrations/0019_claim_ready.sql'
const CLAIMS = 'test/store/claim.test.ts'
const CLAIMS_READY = 'test/store/claim-ready.test.ts'
const TOLD = 'sql/migrations/0021_claim_told.sql'
const CLAIMS_TOLD = 'test/store/claim-told.test.ts'

export const claiming: readonly Fence[] = [
  {
    name: 'claim-hears-of-its-death',
    against:
      'A process that was declared dead goes on asking while there is nothing to claim, and never starts anew.',
    cuts: [{ file: CLAIM, text: 'if not v_asked.lives then', instead: 'if false then' }],
    test: { file: CLAIMS, name: 'that was declared dead hears it although there is nothing to claim' },
    inModel: true,
  },
  {
    name: 'claim-refuses-the-dead',
    against:
      'A process is declared dead while its claim is under way, and the claim still takes jobs: nobody gives them back.',
    cuts: [
      {
        file: CLAIM,
        text: `             where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null
               for key share skip locked`,
        instead: `             where w.id = p_worker and w.nonce = p_nonce
               for key share skip locked`,
      },
    ],
    test: { file: CLAIMS, name: 'that is declared dead in the middle of its claim takes nothing' },
  },
  {
    name: 'claim-holds-its-worker',
    against:
      'A process is declared dead between its claim and the commit: what the claim took is in no ledger that the rescue saw.',
    cuts: [{ file: CLAIM, text: 'for key share skip locked', instead: '' }],
    test: { file: CLAIMS, name: 'whose claim is under way is not declared dead' },
  },
  {
    name: 'claim-knows-the-nonce',
    against: 'After a failover a number comes back, and who had it before claims under the name of another.',
    cuts: [
      {
        file: CLAIM,
        text: 'w.nonce = p_nonce and w.rescued_at is null) as lives',
        instead: 'w.rescued_at is null) as lives',
      },
      {
        file: CLAIM,
        text: `w.nonce = p_nonce and w.rescued_at is null
               for key share`,
        instead: `w.rescued_at is null
               for key share`,
      },
    ],
    test: { file: CLAIMS, name: 'with the number of another may not claim' },
  },
  {
    name: 'claim-takes-what-nobody-has',
    against: 'A job that runs is claimed again, and runs twice at a time.',
    cuts: [
      {
        file: CLAIM,
        text: 'and j.worker = 0 and j.task_id = any (v_tasks)',
        instead: 'and j.task_id = any (v_tasks)',
      },
    ],
    test: { file: CLAIMS, name: 'is not claimed again' },
    inModel: true,
  },
  {
    name: 'claim-skips-what-is-locked',
    against: 'Two claims at a time wait for each other, or take the same job.',
    cuts: [{ file: CLAIM, text: 'for update skip locked) as lane_job', instead: ') as lane_job' }],
    test: { file: CLAIMS, name: 'never share a job, and neither waits for the other' },
  },
  {
    name: 'claim-leaves-paused-queues',
    against: 'Jobs of a queue start that was paused before they were claimed.',
    cuts: [{ file: CLAIM, text: 'where q.paused_at is null and (p_queues', instead: 'where (p_queues' }],
    test: {
      file: 'test/journeys/pausing.test.ts',
      name: 'that nobody has used yet can be paused, and what is added then waits',
    },
    inModel: true,
  },
  {
    name: 'claim-leaves-paused-tasks',
    against: 'Jobs of a task start that was paused before they were claimed.',
    cuts: [{ file: CLAIM, text: `if v_asked.paused <> '{}' then`, instead: 'if false then' }],
    test: { file: CLAIMS_READY, name: 'is a careful one, and right: %s' },
    inModel: true,
  },
  {
    name: 'claim-leaves-forbidden-flags',
    against: 'A process runs jobs that it said it must not have.',
    cuts: [{ file: CLAIM, text: '(p_forbidden is null or j.extras', instead: '(true or j.extras' }],
    test: { file: 'test/journeys/flags.test.ts', name: 'leave jobs that bear one of them to another runner' },
  },
  {
    name: 'claim-writes-the-ledger',
    against: 'What a dead process had, or a claim whose answer was lost, is given back by nobody.',
    cuts: [
      { file: CLAIM, text: 'v_ids from held where not v_has_gates', instead: 'v_ids from held where false' },
    ],
    test: { file: CLAIMS, name: 'names exactly what was claimed, a row for each claim and queue' },
    inModel: true,
  },
  {
    name: 'claim-waits-for-its-turn',
    against: 'Of many who claim at once each walks past what the others have locked, and all get slower.',
    cuts: [
      {
        file: CLAIM,
        text: 'pg_try_advisory_xact_lock(v_gate, 1) or p_insists) then',
        instead: 'true) then',
      },
    ],
    test: { file: CLAIMS, name: 'the third has no turn, and has done nothing (a survey: %s)' },
  },
  {
    name: 'ready-leaves-what-is-special',
    against: 'The quick claim takes jobs past their serial keys and limits.',
    cuts: [
      {
        file: READY,
        text: 'where not exists (select from picked p where p.is_special)',
        instead: 'where true',
      },
    ],
    test: { file: CLAIMS_READY, name: 'is a careful one, and right: %s' },
    inModel: true,
  },
  {
    name: 'ready-leaves-paused-tasks',
    against: 'The quick claim starts jobs of a task that is paused.',
    cuts: [
      {
        file: READY,
        text: '         and not exists (select from kongtask.tasks t where t.paused_at is not null)\n',
        instead: '',
      },
    ],
    test: { file: CLAIMS_READY, name: 'is a careful one, and right: %s' },
    inModel: true,
  },
  {
    name: 'ready-leaves-paused-queues',
    against: 'The quick claim starts jobs of a queue that is paused.',
    cuts: [{ file: READY, text: 'where q.paused_at is null and (p_queue', instead: 'where (p_queue' }],
    test: { file: CLAIMS_READY, name: 'takes nothing of a queue that is paused' },
    inModel: true,
  },
  {
    name: 'ready-refuses-the-dead',
    against: 'A process that was declared dead takes jobs by the quick claim.',
    cuts: [
      {
        file: READY,
        text: 'w.nonce = p_nonce and w.rescued_at is null',
        instead: 'w.nonce = p_nonce',
      },
    ],
    test: { file: CLAIMS_READY, name: 'and was declared dead may not claim' },
  },
  {
    name: 'ready-knows-the-nonce',
    against: 'The quick claim takes jobs under the number of another.',
    cuts: [{ file: READY, text: 'and w.nonce = p_nonce and', instead: 'and' }],
    test: { file: CLAIMS_READY, name: 'and has the number of another may not claim' },
  },
  {
    name: 'ready-holds-its-worker',
    against:
      'A process is declared dead between a quick claim and its commit, and what that took is orphaned.',
    cuts: [{ file: READY, text: 'for key share skip locked', instead: '' }],
    test: { file: CLAIMS_READY, name: 'and whose claim is under way is not declared dead' },
  },
  {
    name: 'ready-takes-what-nobody-has',
    against: 'The quick claim takes a job that runs.',
    cuts: [
      {
        file: READY,
        text: 'and j.worker = 0 and j.task_id = any (p_tasks)',
        instead: 'and j.task_id = any (p_tasks)',
      },
    ],
    test: {
      file: CLAIMS_READY,
      name: 'takes the best priority first, then the earliest, then the first added, of those that are due',
    },
    inModel: true,
  },
  {
    name: 'ready-skips-what-is-locked',
    against: 'Two quick claims at a time wait for each other, or take the same job.',
    cuts: [{ file: READY, text: 'for update skip locked) as lane_job', instead: ') as lane_job' }],
    test: { file: CLAIMS_READY, name: 'never share a job, be the other a survey or not (%s)' },
  },
  {
    name: 'ready-writes-the-ledger',
    against: 'What a quick claim took and nobody answers for is given back by nobody.',
    cuts: [
      {
        file: READY,
        text: 'from taken t group by t.queue_id',
        instead: 'from taken t where false group by t.queue_id',
      },
    ],
    test: { file: CLAIMS_READY, name: 'writes a row of the ledger for each queue' },
    inModel: true,
  },
  {
    name: 'ready-knows-what-it-missed',
    against:
      'A job that has just moved is missed, and the claim says that there was nothing: it waits for the next poll.',
    cuts: [
      {
        file: READY,
        text: `
                   and (select count(*) from picked) = (select count(*) from taken) as dry`,
        instead: ' as dry',
      },
    ],
    test: {
      file: CLAIMS_READY,
      name: 'is left where it is, and the claim neither takes the queue for dry nor says that it had seen all',
    },
  },
  {
    name: 'told-refuses-the-dead',
    against: 'A process that was declared dead takes the job that it was told of.',
    cuts: [{ file: TOLD, text: 'w.nonce = p_nonce and w.rescued_at is null', instead: 'w.nonce = p_nonce' }],
    test: { file: CLAIMS_TOLD, name: 'takes nothing, and hears it' },
  },
  {
    name: 'told-knows-the-nonce',
    against: 'The job that one was told of is taken under the number of another.',
    cuts: [{ file: TOLD, text: 'and w.nonce = p_nonce and', instead: 'and' }],
    test: { file: CLAIMS_TOLD, name: 'takes nothing under the number of another' },
  },
  {
    name: 'told-holds-its-worker',
    against: 'A process is declared dead between such a claim and its commit, and the job is orphaned.',
    cuts: [{ file: TOLD, text: '      for key share skip locked;', instead: '      ;' }],
    test: { file: CLAIMS_TOLD, name: 'is not while such a claim is under way' },
  },
  {
    name: 'told-takes-what-nobody-has',
    against: 'All who were told of a job run it.',
    cuts: [{ file: TOLD, text: 'j.id = p_id and j.worker = 0', instead: 'j.id = p_id' }],
    test: { file: CLAIMS_TOLD, name: 'finds nothing where it is %s, and looks for nothing' },
  },
  {
    name: 'told-skips-what-is-locked',
    against: 'All who were told of a job wait for the first of them.',
    cuts: [{ file: TOLD, text: 'for update of j skip locked', instead: 'for update of j' }],
    test: { file: CLAIMS_TOLD, name: 'gives it to one of many who are told, and none waits for the other' },
  },
  {
    name: 'told-writes-the-ledger',
    against: 'What was taken so and nobody answers for is given back by nobody.',
    cuts: [
      {
        file: TOLD,
        text: '  insert into kongtask.claims (worker, claim, queue_id, ids) values (p_worker, p_claim, p_queue, array[p_id]);\n',
        instead: '',
      },
    ],
    test: { file: CLAIMS_TOLD, name: 'writes it into the ledger under its own number' },
  },
  ...(
    [
      ['waits', 'j.lane < 16 and ', 'A job starts past the gate behind which it is parked.'],
      ['is-due', 'j.run_at <= kongtask.clock() and ', 'A job starts before it is due.'],
      ['is-known', 'j.task_id = any (p_tasks) and ', 'A job comes to a process that does not know its task.'],
      ['serial', 'j.serial_key is null\n         and ', 'A job starts past the others of its serial key.'],
      ['limited', 'j.limits is null and ', 'A job starts past its limits.'],
      ['queue-paused', 'q.paused_at is null and ', 'A job of a paused queue starts.'],
      ['queue-full', 'q.concurrency is null and ', 'A job starts beyond what its queue may run at once.'],
      [
        'task-paused',
        '\n         and not exists (select from kongtask.tasks t where t.id = j.task_id and t.paused_at is not null)',
        'A job of a paused task starts.',
      ],
    ] as const
  ).map(([name, text, against]) => ({
    name: `told-leaves-${name}`,
    against,
    cuts: [{ file: TOLD, text, instead: '' }],
    test: {
      file: CLAIMS_TOLD,
      name:
        name === 'is-known'
          ? 'leaves that of a task which this process does not know'
          : 'leaves it to one that looks: %s',
    },
  })),
]
