import type { Fence } from './fence.ts'

const KEEPER = 'src/worker/lease-keeper.ts'
const KEEPER_TESTS = 'src/worker/lease-keeper.test.ts'
const INTAKE = 'src/worker/intake.ts'
const BOOK = 'src/worker/claim-book.ts'
const BOOK_TESTS = 'src/worker/claim-book.test.ts'

/** What a process keeps to by itself. */
export const processes: readonly Fence[] = [
  {
    name: 'lease-ends-by-itself',
    against: 'A process that cannot reach the database goes on with jobs that others have by now.',
    cuts: [
      {
        file: KEEPER,
        text: 'this.#expiry = startTimer(sentAt + lease - now(), () => this.#doubt())',
        instead: 'void [sentAt, lease, now, startTimer]',
      },
    ],
    test: {
      file: KEEPER_TESTS,
      name: 'comes when a lease has passed since the last heartbeat that succeeded was sent',
    },
  },
  {
    name: 'lease-counts-from-the-sending',
    against: 'A process believes in its lease for as long as an answer took longer than others do.',
    cuts: [{ file: KEEPER, text: 'startTimer(sentAt + lease - now(),', instead: 'startTimer(lease,' }],
    test: {
      file: KEEPER_TESTS,
      name: 'counts from when the heartbeat was sent, not from when its answer came',
    },
  },
  {
    name: 'lease-in-doubt-claims-nothing',
    against: 'A process claims while others declare it dead.',
    cuts: [
      {
        file: KEEPER,
        text: 'return this.#doubtful ? undefined : this.#registration',
        instead: 'return this.#registration',
      },
    ],
    test: { file: 'src/worker/claimer.test.ts', name: 'in doubt about the lease' },
  },
  {
    name: 'lease-beat-of-the-past',
    against: 'An answer about a registration of the past costs a process the new one.',
    cuts: [{ file: KEEPER, text: 'if (this.#registration !== registration) return\n', instead: '\n' }],
    test: { file: KEEPER_TESTS, name: 'that answers about a registration of the past changes nothing' },
  },
  {
    name: 'lease-loss-of-the-past',
    against: 'A claim that says late that we were declared dead costs us the new registration.',
    cuts: [
      {
        file: KEEPER,
        text: 'if (registration === undefined || registration !== this.#registration) return',
        instead: 'if (registration === undefined) return',
      },
    ],
    test: {
      file: KEEPER_TESTS,
      name: 'of a registration of the past, said by a claim, changes nothing either',
    },
  },
  {
    name: 'lease-vouches-for-what-is-awaited',
    against: 'A heartbeat gives back a claim whose answer is on its way.',
    cuts: [
      {
        file: KEEPER,
        text: 'const known = [...book.claims, ...this.#awaited]',
        instead: 'const known = [...book.claims]',
      },
    ],
    test: {
      file: KEEPER_TESTS,
      name: 'is every claim that has unsettled jobs, and those whose answers are awaited',
    },
  },
  {
    name: 'lease-vouches-for-what-comes-later',
    against: 'A heartbeat that arrives late gives back a claim that was sent behind it.',
    cuts: [{ file: KEEPER, text: 'before: this.#claims + 1,', instead: 'before: this.#claims + 2,' }],
    test: { file: KEEPER_TESTS, name: 'is never a claim that was opened after it was sent' },
  },
  {
    name: 'lease-forgets-its-claims',
    against: 'Under a new number a process vouches for claims of the old one.',
    cuts: [{ file: KEEPER, text: 'this.#options.book.clear()\n', instead: '\n' }],
    test: {
      file: KEEPER_TESTS,
      name: 'means that we were declared dead: who holds jobs is told, and we start anew',
    },
  },
  {
    name: 'book-closes-with-the-last',
    against:
      'The ledger row of a claim ends while a job of it still runs, and should the process die, nobody gives that back.',
    cuts: [
      {
        file: BOOK,
        text: '?.get(settled.queueId) === settled.count)',
        instead: '?.get(settled.queueId) !== undefined)',
      },
    ],
    test: { file: BOOK_TESTS, name: 'vouches for a claim until the last of its jobs is settled' },
  },
  {
    name: 'book-keeps-what-it-disowned',
    against: 'A claim is closed over a job that could not be settled, which stays leased for ever.',
    cuts: [{ file: BOOK, text: '.filter((claim) => !this.#disowned.has(claim))', instead: '' }],
    test: {
      file: BOOK_TESTS,
      name: 'is not vouched for once the others of its claim are settled, and its claim is not closed over it',
    },
  },
  {
    name: 'intake-takes-nothing-when-closed',
    against: 'A process that stops starts what its last claim brings.',
    cuts: [
      {
        file: INTAKE,
        text: 'endings.release(this.#isClosed ? wanted : dispatcher.take(wanted))',
        instead: 'endings.release(dispatcher.take(wanted))',
      },
    ],
    test: {
      file: 'src/worker/worker.test.ts',
      name: 'starts nothing where its process stops meanwhile',
    },
  },
  {
    name: 'intake-gives-back-what-was-paused',
    against: 'A job starts that was claimed just before it was paused.',
    cuts: [{ file: INTAKE, text: ' && !this.#isStopped(job)', instead: ' && this.#isStopped.length > 0' }],
    test: {
      file: 'test/worker/pausing.test.ts',
      name: 'while a claim that did not see it is on its way starts none of its jobs',
    },
  },
  {
    name: 'intake-ends-what-was-cancelled',
    against: 'A job that was cancelled while it ran, and whose process died, runs again.',
    cuts: [{ file: INTAKE, text: ' && !this.#hasEnded(job)', instead: ' && this.#hasEnded.length > 0' }],
    test: {
      file: 'test/client/operate/one-job.test.ts',
      name: 'a job that nobody has told yet ends it where it would come back',
    },
  },
  {
    name: 'intake-remembers-what-was-cancelled',
    against: 'A job starts that was cancelled while the claim that took it was on its way.',
    cuts: [{ file: INTAKE, text: 'return job.id === order.job', instead: 'return job.id === order.reason' }],
    test: {
      file: 'test/worker/cancelling.test.ts',
      name: 'a job that is cancelled while the claim that took it is on its way does not start',
    },
  },
  {
    name: 'intake-looks-at-the-lease',
    against: 'A claim is answered when its lease is lost, and its jobs run here and where they are by now.',
    cuts: [
      {
        file: INTAKE,
        text: 'const isOurs = lease.registration?.worker === job.lease.worker',
        instead: 'const isOurs = lease.duration > 0',
      },
    ],
    test: {
      file: 'src/worker/worker.test.ts',
      name: 'starts nothing where its lease is lost when the answer comes',
    },
  },
  {
    name: 'intake-takes-nothing-in-doubt',
    against: 'A claim is answered when its lease has run out, and its jobs start while others take them.',
    cuts: [
      {
        file: INTAKE,
        text: 'const isOurs = lease.registration?.worker === job.lease.worker',
        instead: 'const isOurs = (lease.registration?.worker ?? job.lease.worker) === job.lease.worker',
      },
    ],
    test: { file: 'src/worker/worker.test.ts', name: 'starts nothing where its lease is in doubt then' },
  },
  {
    name: 'concluder-waits-for-the-transaction',
    against: 'A job is settled whose handler still has a transaction open in which it completed it.',
    cuts: [
      {
        file: 'src/worker/concluder.ts',
        text: `if (state === 'pending') {`,
        instead: `if (state === 'lost') {`,
      },
    ],
    test: {
      file: 'test/journeys/completing.test.ts',
      name: 'is waited for where its handler ends before the transaction does',
    },
  },
  {
    name: 'settler-writes-one-batch-at-a-time',
    against:
      'Of two batches under way the later one is written first, and closes a claim over jobs of the earlier one.',
    cuts: [
      {
        file: 'src/worker/settler.ts',
        text: 'this.#flushing ??= this.#flush()',
        instead: 'this.#flushing = this.#flush()',
      },
    ],
    test: {
      file: 'src/worker/settler.test.ts',
      name: 'are on their way one at a time; what comes meanwhile makes the next',
    },
  },
  {
    name: 'handler-begins-no-step-behind-its-end',
    against: 'A handler that was left behind does what the next execution of its job does as well.',
    cuts: [
      {
        file: 'src/worker/steps.ts',
        text: 'if (this.#record.running.hasEnded) {',
        instead: 'if (this.#record.running.hasEnded && this.#names.size < 0) {',
      },
    ],
    test: { file: 'test/journeys/steps.test.ts', name: 'is begun by no handler that has ended' },
  },
  {
    name: 'handler-runs-once-an-attempt',
    against: 'Middleware that has ended runs the handler, whose outcome nobody waits for.',
    cuts: [
      {
        file: 'src/worker/middleware.ts',
        text: 'if (within !== undefined || hasEnded) return',
        instead: 'if (within !== undefined) return',
      },
    ],
    test: { file: 'test/journeys/middleware.test.ts', name: 'cannot run the handler when it has ended' },
  },
  {
    name: 'runner-adds-nothing-when-closed',
    against: 'A handler that was left behind goes on adding jobs through a runner that has stopped.',
    cuts: [
      {
        file: 'src/runner/connections.ts',
        text: 'if (isClosed)',
        instead: 'if (isClosed && ownsPool === undefined)',
      },
    ],
    test: { file: 'test/journeys/stopping.test.ts', name: 'has nothing added through it afterwards' },
  },
  {
    name: 'call-is-not-made-late',
    against:
      'A call that was given up for its deadline gets its connection after all: the job is added, and the caller adds it again.',
    cuts: [
      {
        file: 'src/store/pg-connection.ts',
        text: `    if (isOver) {
      connected.release()`,
        instead: `    if (isOver) {
      await use(connected)
      connected.release()`,
      },
    ],
    test: {
      file: 'test/client/coalescing.test.ts',
      name: 'the deadline of a call holds while all connections are taken',
    },
  },
  {
    name: 'call-is-not-sent-late',
    against: 'A job is written with a batch although its caller was told that its time was over.',
    cuts: [
      {
        file: 'src/client/coalescer-batch.ts',
        text: 'const calls = all.filter(({ isOver }) => !isOver)',
        instead: 'const calls = [...all]',
      },
    ],
    test: {
      file: 'src/client/coalescer.test.ts',
      name: 'that passed while a batch is halved leaves that job unwritten, and the others their time',
    },
  },
]
