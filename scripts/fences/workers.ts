import type { Fence } from './fence.ts'

const WORKERS = 'sql/migrations/0010_workers.sql'
const CONTROL = 'sql/migrations/0017_control.sql'
const LIVES = 'test/store/workers.test.ts'
const ABSENT = 'test/store/absent-workers.test.ts'
const LISTENER = 'src/store/listener.ts'

export const workers: readonly Fence[] = [
  {
    name: 'heartbeat-knows-the-nonce',
    against: 'After a failover a number comes back, and two processes renew one lease.',
    cuts: [
      {
        file: WORKERS,
        text: 'where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null;',
        instead: 'where w.id = p_worker and w.rescued_at is null;',
      },
    ],
    test: { file: LIVES, name: 'with the wrong secret is refused' },
  },
  {
    name: 'heartbeat-refuses-the-dead',
    against: 'A process that was declared dead renews its lease, and goes on with jobs that others have.',
    cuts: [
      {
        file: WORKERS,
        text: 'where w.id = p_worker and w.nonce = p_nonce and w.rescued_at is null;',
        instead: 'where w.id = p_worker and w.nonce = p_nonce;',
      },
    ],
    test: { file: LIVES, name: 'of one whose jobs are still being taken back says so, too' },
    inModel: true,
  },
  {
    name: 'heartbeat-gives-back-what-is-unknown',
    against: 'A claim happened whose answer was lost: its jobs are leased to a process that does not know.',
    cuts: [
      {
        file: WORKERS,
        text: 'and c.claim < p_before and c.claim <> all (p_known)',
        instead: 'and false',
      },
    ],
    test: { file: LIVES, name: 'is given back by the next heartbeat' },
    inModel: true,
  },
  {
    name: 'heartbeat-keeps-what-is-known',
    against: 'What a process runs is given back under its hands.',
    cuts: [{ file: WORKERS, text: ' and c.claim <> all (p_known)', instead: '' }],
    test: { file: LIVES, name: 'is left alone while it is known' },
    inModel: true,
  },
  {
    name: 'heartbeat-keeps-what-is-on-its-way',
    against: 'A claim that was sent behind the heartbeat is given back while its answer arrives.',
    cuts: [{ file: WORKERS, text: 'c.claim < p_before and ', instead: '' }],
    test: { file: LIVES, name: 'is left alone while it may still be on its way' },
  },
  {
    name: 'heartbeat-forgets-what-was-heard',
    against: 'A message that commits behind a later one is forgotten unread: a cancelled job runs on.',
    cuts: [
      {
        file: WORKERS,
        text: 'm.id = any (p_heard)',
        instead: 'm.id <= (select max(heard) from unnest(p_heard) as heard)',
      },
    ],
    test: {
      file: 'test/store/control.test.ts',
      name: 'is told although a message with a higher number was told and acknowledged before',
    },
  },
  {
    name: 'release-compares-leases',
    against: 'A rescue takes back a job that its ledger still names, from who has claimed it since.',
    cuts: [
      {
        file: WORKERS,
        text: `where j.ctid = any (v_places) and j.worker = p_worker and j.claim = p_claim
       for update`,
        instead: `where j.ctid = any (v_places) and j.worker <> 0
       for update`,
      },
    ],
    test: { file: LIVES, name: 'takes back what its lease names, and nothing that others have by now' },
    inModel: true,
  },
  {
    name: 'release-skips-what-is-locked',
    against:
      'A rescue waits for whoever writes about one of the jobs, and everything that it holds waits with it.',
    cuts: [
      {
        file: WORKERS,
        text: `for update skip locked
  )
  update kongtask.jobs j
     set worker = 0`,
        instead: `for update
  )
  update kongtask.jobs j
     set worker = 0`,
      },
    ],
    test: {
      file: LIVES,
      name: 'leaves a job that is being settled for the next look, and that settlement counts',
    },
    inModel: true,
  },
  {
    name: 'release-keeps-the-ledger',
    against:
      'A job that somebody had locked is no longer named by any ledger: when that one rolls back, nothing gives it back.',
    cuts: [
      {
        file: WORKERS,
        text: `where (select j.worker = p_worker and j.claim = p_claim
                     from`,
        instead: `where false and (select j.worker = p_worker and j.claim = p_claim
                     from`,
      },
    ],
    test: { file: LIVES, name: 'keeps its row in the ledger while a job of it is being settled' },
    inModel: true,
  },
  {
    name: 'rescue-leaves-the-living',
    against: 'A process is declared dead whose lease holds.',
    cuts: [
      {
        file: WORKERS,
        text: `       and w.expires_at < clock_timestamp()
       for update skip locked
`,
        instead: `     for update skip locked
`,
      },
    ],
    test: { file: LIVES, name: 'leaves those alone whose lease holds' },
    inModel: true,
  },
  {
    name: 'rescue-rechecks-the-lease',
    against: 'A process that renews its lease while others are being rescued is declared dead all the same.',
    cuts: [
      {
        file: WORKERS,
        text: `       and w.expires_at < clock_timestamp()
       for update skip locked
`,
        instead: `       and w.id = any (array(select late.id from kongtask.workers late where late.expires_at < clock_timestamp()))
       for update skip locked
`,
      },
    ],
    test: { file: LIVES, name: 'leaves one alone that renews its lease while others are being rescued' },
  },
  {
    name: 'rescue-locks-for-update',
    against: 'A lesser lock goes beside that of a claim under way, whose jobs nobody gives back then.',
    cuts: [
      {
        file: WORKERS,
        text: `clock_timestamp()
       for update skip locked
`,
        instead: `clock_timestamp()
       for no key update skip locked
`,
      },
    ],
    test: { file: 'test/store/claim.test.ts', name: 'whose claim is under way is not declared dead' },
  },
  {
    name: 'rescue-waits-for-nobody',
    against: 'Two rescuers wait for each other.',
    cuts: [
      {
        file: WORKERS,
        text: `clock_timestamp()
       for update skip locked
`,
        instead: `clock_timestamp()
       for update
`,
      },
    ],
    test: { file: LIVES, name: 'by two at once happens once, and neither waits' },
  },
  {
    name: 'rescue-marks-the-dead',
    against: 'A process of which a job is still locked goes on as if it lived.',
    cuts: [
      {
        file: WORKERS,
        text: 'update kongtask.workers w set rescued_at = clock_timestamp() where w.id = v_worker and w.rescued_at is null;',
        instead: 'perform from kongtask.workers w where w.id = v_worker and w.rescued_at is null;',
      },
    ],
    test: { file: LIVES, name: 'of one whose jobs are still being taken back says so, too' },
    inModel: true,
  },
  {
    name: 'rescue-keeps-the-row',
    against: 'A process is forgotten of which a job was locked, and nobody looks at its ledger any more.',
    cuts: [
      {
        file: WORKERS,
        text: 'where w.id = v_worker and not exists (select from kongtask.claims c where c.worker = v_worker);',
        instead: 'where w.id = v_worker;',
      },
    ],
    test: { file: LIVES, name: 'takes that job at the next look where the settlement was rolled back' },
    inModel: true,
  },
  {
    name: 'unregister-knows-the-nonce',
    against: 'A process that stops ends another, which has its number after a failover.',
    cuts: [
      {
        file: WORKERS,
        text: 'perform from kongtask.workers w where w.id = p_worker and w.nonce = p_nonce for update;',
        instead: 'perform from kongtask.workers w where w.id = p_worker for update;',
      },
    ],
    test: { file: LIVES, name: 'cannot end another' },
  },
  {
    name: 'unregister-waits-for-claims',
    against: 'A process ends while a claim of its is under way, and what that takes is nobody’s.',
    cuts: [
      {
        file: WORKERS,
        text: 'perform from kongtask.workers w where w.id = p_worker and w.nonce = p_nonce for update;',
        instead: 'perform from kongtask.workers w where w.id = p_worker and w.nonce = p_nonce;',
      },
    ],
    test: { file: LIVES, name: 'waits for a claim of its that is under way, and gives back what that took' },
  },
  {
    name: 'unregister-keeps-the-row',
    against: 'A process is forgotten of which a job was locked.',
    cuts: [
      {
        file: WORKERS,
        text: 'where w.id = p_worker and not exists (select from kongtask.claims c where c.worker = p_worker);',
        instead: 'where w.id = p_worker;',
      },
    ],
    test: { file: LIVES, name: 'keeps its row for the rescue while a job of it is locked' },
    inModel: true,
  },
  {
    name: 'unlock-waits-for-claims',
    against:
      'An operator declares a process dead while a claim of its is under way, and what that takes is orphaned.',
    cuts: [
      {
        file: CONTROL,
        text: 'where w.id = p_worker and w.rescued_at is null for update;',
        instead: 'where w.id = p_worker and w.rescued_at is null;',
      },
    ],
    test: {
      file: 'test/store/control.test.ts',
      name: 'waits for a claim that is under way, and gives back what that took',
    },
  },
  {
    name: 'unlock-marks-the-dead',
    against: 'A process that an operator declared dead goes on, as long as a job of it is locked.',
    cuts: [
      { file: CONTROL, text: 'set rescued_at = clock_timestamp(), expires_at', instead: 'set expires_at' },
    ],
    test: {
      file: 'test/store/control.test.ts',
      name: 'is heard of by a worker of which a job is still locked',
    },
    inModel: true,
  },
  {
    name: 'absent-and-not-heard-of',
    against: 'A process that has lost one connection and says so is declared dead all the same.',
    cuts: [
      { file: WORKERS, text: 'as absent using (worker, heartbeat)', instead: 'as absent using (worker)' },
    ],
    test: { file: ABSENT, name: 'keeps them where it was heard since' },
  },
  {
    name: 'absent-from-this-run',
    against: 'After a restart or a failover all processes count as dead, for none has its session any more.',
    cuts: [
      {
        file: WORKERS,
        text: `w.session ->> 'server' = kongtask.server_run()`,
        instead: 'w.session is not null',
      },
    ],
    test: {
      file: ABSENT,
      name: 'not for a session with a server that has been started anew since, or with another one',
    },
  },
  {
    name: 'absent-although-the-pid-is-there',
    against: 'A stranger comes by the pid of a dead process, and nobody sees that it is dead.',
    cuts: [
      {
        file: WORKERS,
        text: `where a.backend_start is null or extract(epoch from a.backend_start)::text = kept.session ->> 'began')`,
        instead: ')',
      },
    ],
    test: { file: ABSENT, name: 'when another session has come by the number of its process' },
  },
  {
    name: 'absent-behind-a-pooler',
    against: 'A pooler ends one of its sessions, and a process that is well counts as dead.',
    cuts: [
      {
        file: LISTENER,
        text: 'found !== undefined && found.pid === greeter',
        instead: 'found !== undefined && greeter !== undefined',
      },
    ],
    test: {
      file: 'test/store/listener.test.ts',
      name: 'behind a pooler, which greets with a number of its own, none is told',
    },
  },
  {
    name: 'absence-is-said',
    against: 'A process loses the connection by which it is seen, says nothing, and is declared dead.',
    cuts: [{ file: LISTENER, text: 'this.#options.onSession(null)', instead: 'void 0' }],
    test: { file: 'test/journeys/absent-worker.test.ts', name: 'says at once that nobody sees it any more' },
  },
  {
    name: 'absent-unless-carried',
    against: 'A network loses one connection without a word, and a process that is well is declared dead.',
    cuts: [{ file: WORKERS, text: '(values (w.session), (w.carrier))', instead: '(values (w.session))' }],
    test: { file: ABSENT, name: 'not while what carried its last heartbeat is there: its process is, too' },
  },
  {
    name: 'carried-by-no-pooler',
    against:
      'A pooler keeps its sessions, and a process that was killed is not missed before its lease is over.',
    cuts: [
      {
        file: WORKERS,
        text: 'case when p_is_direct then kongtask.this_session() end',
        instead: 'kongtask.this_session()',
      },
    ],
    test: {
      file: ABSENT,
      name: 'though the connection that carried its last heartbeat is there, where a pooler owns that',
    },
  },
  {
    name: 'absence-is-heard',
    against:
      'The server has lost the session of a process, which says again and again that others see it there.',
    cuts: [
      {
        file: WORKERS,
        text: 'session = case when o_seen then p_session end',
        instead: 'session = p_session',
      },
    ],
    test: { file: ABSENT, name: 'not where a heartbeat has heard meanwhile that its session is gone' },
  },
  {
    name: 'death-takes-the-session',
    against:
      'Declared dead for a session that is gone, a process registers with the same, and is declared dead again.',
    cuts: [
      {
        file: 'src/worker/lease-keeper.ts',
        text: '    this.#unseen()\n    await this.#register()',
        instead: '    await this.#register()',
      },
    ],
    test: {
      file: 'src/worker/lease-keeper.test.ts',
      name: 'is not part of a new registration: it may be what others took our death from, so another is wanted',
    },
  },
  {
    name: 'pill-of-this-claim',
    against:
      'A job ended well, came back to its worker beside others, and is buried when that dies of one of those.',
    cuts: [
      {
        file: WORKERS,
        text: 'c.claim = w.alone_claim and w.alone = any (c.ids)',
        instead: 'w.alone = any (c.ids)',
      },
      {
        file: WORKERS,
        text: `c.queue_id, w.alone as id, w.alone_claim as claim`,
        instead: `c.queue_id, w.alone as id, c.claim`,
      },
    ],
    test: {
      file: 'test/store/poison-pill.test.ts',
      name: 'one that ended well and came back to the same worker is not what was said to run alone',
    },
  },
  {
    name: 'pill-runs-alone',
    against: 'A job that may kill its process starts beside others, and one of them is taken for it.',
    cuts: [
      {
        file: 'src/worker/isolation.ts',
        text: 'if (this.#options.atWork().length > 0) {',
        instead: 'if (this.#options.atWork().length < 0) {',
      },
    ],
    test: {
      file: 'src/worker/dispatcher.test.ts',
      name: 'runs when nothing else does, after the database was told, and nothing else starts beside it',
    },
  },
  {
    name: 'pill-is-told-first',
    against: 'A process dies of a job before the database knows that it ran alone, and nobody finds it.',
    cuts: [
      {
        file: 'src/worker/isolation.ts',
        text: 'await this.#options.tell(suspect.job)',
        instead: 'await Promise.resolve(true)',
      },
    ],
    test: {
      file: 'src/worker/dispatcher.test.ts',
      name: 'runs when nothing else does, after the database was told, and nothing else starts beside it',
    },
  },
  {
    name: 'pill-is-settled-before-others-start',
    against:
      'A job completed alone, the one behind it ends the process in the same moment, and the first is buried for it.',
    cuts: [
      {
        file: 'src/worker/isolation.ts',
        text: `    if (this.#lone?.job === job) this.#lone.state = 'ended'
`,
        instead: `    if (this.#lone?.job !== job) return
    this.#lone.state = 'ended'
    this.settled([{ job }])
`,
      },
    ],
    test: {
      file: 'test/journeys/poison-pill.test.ts',
      name: 'a job that completed alone is not taken for the one behind it, of which its process dies at once',
    },
  },
  {
    name: 'pill-is-given-back-before-others-start',
    against: 'A job that was only said to run alone is buried for another, which ended the process.',
    cuts: [
      {
        file: 'src/worker/isolation.ts',
        text: `      this.#lone.state = 'ended'
      taken.unshift(this.#lone.job)
`,
        instead: `      this.#lone.state = 'ended'
      taken.unshift(this.#lone.job)
      this.#lone = undefined
`,
      },
    ],
    test: {
      file: 'src/worker/dispatcher.test.ts',
      name: 'nor where it was told and is taken back, before that is written',
    },
  },
  {
    name: 'pill-is-ours',
    against: 'A process that was declared dead runs a job alone that another one has by now.',
    cuts: [
      { file: 'src/worker/isolation.ts', text: "isOurs ? 'runs' : 'ended'", instead: "'runs'" },
      { file: 'src/worker/isolation.ts', text: 'if (isOurs) this', instead: 'this' },
      { file: 'src/worker/isolation.ts', text: 'else this.#options.giveBack(suspect.job)', instead: '' },
    ],
    test: {
      file: 'src/worker/dispatcher.test.ts',
      name: 'is not started where it is no longer ours, but goes back, and others go on',
    },
  },
  {
    name: 'pill-is-told-by-the-living',
    against: 'A process hears that it was declared dead, and runs the job of which it spoke.',
    cuts: [
      {
        file: 'src/worker/worker.ts',
        text: 'if (await store.runAlone(registration, { id, claim })) return true',
        instead: 'if (await store.runAlone(registration, { id, claim }).then(() => true)) return true',
      },
    ],
    test: {
      file: 'src/worker/worker.test.ts',
      name: 'is not started where the database says that this process was declared dead, and it starts anew',
    },
  },
  {
    name: 'pill-runs-beside-none-left-behind',
    against: 'A handler that was left behind ends the process, and the job that runs alone is buried for it.',
    cuts: [
      {
        file: 'src/worker/dispatcher.ts',
        text: 'atWork: () => [...this.#running, ...this.#leftBehind],',
        instead: 'atWork: () => [...this.#running],',
      },
    ],
    test: {
      file: 'src/worker/dispatcher.test.ts',
      name: 'does not run beside a handler that was left behind, until that returns',
    },
  },
  {
    name: 'pill-is-none-at-the-stop',
    against:
      'A process is told to stop and killed when that takes too long, and the job that ran alone is buried.',
    cuts: [
      {
        file: 'src/worker/worker.ts',
        text: 'const untold = this.#tellNoneAlone()',
        instead: 'const untold = Promise.resolve(this.#tellNoneAlone.name)',
      },
    ],
    test: {
      file: 'test/journeys/poison-pill.test.ts',
      name: 'a job that runs alone is not taken for a killer where its process is told to stop, and killed because it takes too long',
    },
  },
  {
    name: 'pill-is-none-behind-the-telling',
    against:
      'The word that a job runs alone arrives behind the one that none does, from a process that stops.',
    cuts: [
      {
        file: 'src/worker/worker.ts',
        text: 'const hasTold = await this.#telling',
        instead: 'const hasTold = this.#telling',
      },
    ],
    test: {
      file: 'src/worker/worker.test.ts',
      name: 'which the database is still being told of when its process stops does so no more behind that',
    },
  },
  {
    name: 'last-word-is-last',
    against: 'A heartbeat that waited its turn registers a process that has stopped.',
    cuts: [
      {
        file: 'src/worker/lease-keeper.ts',
        text: '    if (this.#stopping.signal.aborted) return\n    const registration',
        instead: '    const registration',
      },
    ],
    test: {
      file: 'src/worker/lease-keeper.test.ts',
      name: 'no heartbeat that waited its turn follows the last word',
    },
  },
]
