// Plays a history against the database and against the model of life-model.ts: after each command both say the same, and in
// the end every job has ended once and nothing is left over.
import assert from 'node:assert/strict'
import type { NewJob } from '../../src/core/new-job.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { JobVerb, Operated } from '../../src/store/operate-jobs.ts'
import { isLeaseLost } from '../../src/store/sqlstate.ts'
import type { Store } from '../../src/store/store.ts'
import type { Registration } from '../../src/store/workers.ts'
import {
  EVERYTHING,
  PROCESSES,
  QUEUES,
  TASKS,
  type Command,
  type EntryCommand,
  type Verb,
} from './life-model-commands.ts'
import type { LifeDatabase } from './life-model-database.ts'
import { SerialLines } from './life-model-lines.ts'
import { liveOf, overOf } from './life-model-picture.ts'
import { Process } from './life-model-process.ts'
import { isLive, LifeModel, retryOrder, type Entry, type LifeJob, type SettlingOf } from './life-model.ts'

const LEASE = 3_600_000
const NO_PATIENCE = { filter: {}, patience: 0 }
const completed: Settlement = { kind: 'completed', result: undefined }

/** What an open transaction will have done. */
interface Open {
  readonly ids: readonly string[]
  commit(): void
  rollback(): void
}

/** How often something happened that a history is about. */
export type Tally = Map<string, number>

export class LifeTrial {
  readonly #database: LifeDatabase
  readonly #store: Store
  readonly #model: LifeModel
  readonly #tally: Tally
  readonly #lines: SerialLines
  readonly #processes: Process[] = []
  /** Jobs of processes that are gone, or have lost them: whoever works on them may still say so. */
  #abandoned: ClaimedJob[] = []
  #open: Open | undefined
  #firstId = 0
  #latestId = 0
  #step = 0
  #hasParked = false
  #over = 'null'

  constructor(database: LifeDatabase, tally: Tally) {
    this.#database = database
    this.#store = database.main.store
    this.#model = new LifeModel(database.horizon)
    this.#lines = new SerialLines(this.#model)
    this.#tally = tally
  }

  async play(history: readonly Command[]): Promise<void> {
    await this.#begin()
    for (const command of history) {
      this.#step += 1
      const before = this.#database.uses
      await this.#do(command)
      // Some find nothing to be done with.
      if (this.#database.uses > before) await this.#compare()
    }
    await this.#finish()
  }

  async #begin(): Promise<void> {
    await this.#database.moveClock(0)
    for (let n = 0; n < PROCESSES; n++) this.#processes.push(new Process(await this.#register()))
  }

  async #register(): Promise<Registration> {
    const registration = await this.#store.registerWorker(LEASE, {})
    this.#model.register(registration.worker)
    return registration
  }

  #count(what: string, times = 1): void {
    if (times > 0) this.#tally.set(what, (this.#tally.get(what) ?? 0) + times)
  }

  async #do(command: Command): Promise<void> {
    switch (command.do) {
      case 'add':
        return this.#add(command.entries)
      case 'claim':
        return this.#claim(command)
      case 'hear':
        return this.#hear(command.process, command.arrives)
      case 'settle':
        return this.#settle(command)
      case 'haunt':
        return this.#haunt(command.which, command.how)
      case 'step':
        return this.#storeStep(command)
      case 'begin':
        return this.#beginTransaction(command)
      case 'end':
        return this.#endTransaction(command.how)
      case 'conclude':
        return this.#conclude(this.#busy(command.process, ({ concluding }) => concluding))
      case 'heartbeat':
        return this.#heartbeat(this.#process(command.process), command.isAnswered)
      case 'die':
        return this.#restart(this.#process(command.process))
      case 'stop': {
        const process = this.#process(command.process)
        await this.#store.unregisterWorker(process.registration)
        this.#model.unregister(process.worker)
        return this.#restart(process)
      }
      case 'expire': {
        const worker = pick([...this.#model.workers.keys()], command.which)
        return worker === undefined ? undefined : this.#expire(worker)
      }
      case 'unlock': {
        const worker = pick([...this.#model.workers.keys()], command.which)
        if (worker === undefined) return undefined
        assert.equal(
          await this.#store.unlockWorker(worker),
          this.#model.unlock(worker),
          'jobs that went back',
        )
        return undefined
      }
      case 'rescue':
        return this.#rescue()
      case 'sweep':
        return this.#sweep()
      case 'park': {
        const { parked } = await this.#store.parkJobs()
        assert.equal(parked, this.#model.park(), 'jobs that were parked')
        this.#hasParked ||= parked > 0
        return this.#count('parked', parked)
      }
      case 'unpark':
        return this.#unpark()
      case 'prune':
        return this.#prune()
      case 'operate':
        return this.#operate(command.which, command.verb)
      case 'redrive': {
        const over = [...this.#model.jobs.values()].filter(
          (job) => job.state === 'dead' && this.#model.isThere(job),
        )
        const job = pick(over, command.which)
        return job === undefined ? undefined : this.#operateOn([job.id], { kind: 'retry' })
      }
      case 'pause':
      case 'resume':
        return this.#pause(command.do === 'pause', command.what)
      case 'advance':
        this.#model.now += command.by
        return this.#database.moveClock(this.#model.now)
      default:
        return command satisfies never
    }
  }

  /** One of those that have something to do this with. */
  #busy(number: number, has: (process: Process) => readonly unknown[]): Process | undefined {
    return pick(
      this.#processes.filter((process) => has(process).length > 0),
      number,
    )
  }

  #process(index: number): Process {
    const process = this.#processes[index]
    if (process === undefined) throw new Error(`there is no process ${index}`)
    return process
  }

  #queueId(name: string): number {
    return this.#database.queues.get(name) ?? -1
  }

  // Adding

  async #add(entries: readonly EntryCommand[]): Promise<void> {
    const answers = await this.#store.insertJobs(entries.map(newJob))
    const expected = entries.map((entry, index) => {
      const id = answers[index]?.id ?? ''
      const answer = this.#model.add(entryOf(entry), id)
      if (answer.status === 'added') {
        assert(Number(id) > this.#latestId, 'ids rise')
        this.#latestId = Number(id)
        if (this.#firstId === 0) this.#firstId = Number(id)
      } else this.#count('skipped')
      return answer
    })
    assert.deepEqual(answers, expected, 'what became of what was added')
  }

  // Claiming

  async #claim({
    process: index,
    queue,
    limit,
    isSurvey,
    answer,
  }: Extract<Command, { do: 'claim' }>): Promise<void> {
    const process = this.#process(index)
    const queues = queue === 'all' ? QUEUES : [queue]
    const candidates = this.#model.claimable(queues)
    const claim = (process.claims += 1)
    process.awaited.add(claim)
    const mayClaim = this.#model.mayClaim(process.worker)
    const request = {
      ...process.registration,
      claim,
      queues: queue === 'all' ? ('all' as const) : new Map([[this.#queueId(queue), limit]]),
      total: limit,
      tasks: [...this.#database.tasks.values()],
      isSurvey,
    }
    try {
      const { jobs, dry } = await this.#store.claimJobs(request)
      // Who only looks whether there is something need not hear it where there is nothing.
      if (!mayClaim) assert(!isSurvey && jobs.length === 0, 'who was declared dead claims nothing')
      else {
        assert.equal(dry, jobs.length < limit, 'dry')
        this.#checkClaimed(jobs, candidates, { limit, isSurvey })
        this.#model.claimed(
          { worker: process.worker, claim },
          jobs.map(({ id }) => id),
        )
        this.#checkFacts(jobs)
      }
      this.#count('claimed', jobs.length)
      this.#count(`claimed, ${answer}`, answer === 'heard' ? 0 : jobs.length)
      if (answer === 'heard') process.take(claim, jobs)
      else if (answer === 'late') process.late.push({ claim, jobs })
      else process.awaited.delete(claim)
    } catch (error) {
      if (!isLeaseLost(error)) throw error
      assert(!mayClaim, 'who lives may claim')
      this.#count('claims refused')
      await this.#restart(process)
    }
  }

  /** Those that are first in their queues; of a serial key the one whose turn it is; and all, where there was room. */
  #checkClaimed(
    jobs: readonly ClaimedJob[],
    candidates: readonly LifeJob[],
    { limit, isSurvey }: { readonly limit: number; readonly isSurvey: boolean },
  ): void {
    const ids = new Set(jobs.map(({ id }) => id))
    assert.equal(ids.size, jobs.length, 'each job once')
    for (const id of ids)
      assert(
        candidates.some((job) => job.id === id),
        `${id} may be claimed`,
      )
    const hadRoom = ids.size < limit
    for (const queue of QUEUES) {
      const plain = candidates.filter(({ entry }) => entry.queue === queue && entry.serialKey === undefined)
      const taken = plain.filter(({ id }) => ids.has(id))
      const first = hadRoom ? plain : plain.slice(0, taken.length)
      assert.deepEqual(idsOf(taken), idsOf(first), `plain jobs claimed of ${queue}, and those that are first`)
      // A key that nobody has is given away by surveys, for which whoever left it has asked.
      this.#lines.claimed(queue, ids, { candidates, hadRoom: hadRoom && isSurvey })
    }
  }

  /** What a claim brings is what the job is. */
  #checkFacts(jobs: readonly ClaimedJob[]): void {
    for (const job of jobs) {
      const { entry, priority, attempt, crashes, errors, marked } = this.#model.job(job.id)
      const facts = {
        queueId: this.#queueId(entry.queue),
        maxAttempts: entry.maxAttempts,
        kept: entry.retain > 0,
        priority,
        attempt,
        crashes,
        errors,
        ended: marked ?? null,
      }
      const { queueId, maxAttempts, kept, ended } = job
      const said = job.errors === null ? [] : JSON.parse(job.errors)
      const seen = { queueId, maxAttempts, kept, ended, priority: job.priority, attempt: job.attempt }
      assert.deepEqual(
        { ...seen, crashes: job.crashes, errors: said.length },
        facts,
        `job ${job.id} as claimed`,
      )
    }
  }

  #hear(number: number, arrives: boolean): void {
    const process = this.#busy(number, ({ late }) => late)
    const answer = process?.late.shift()
    if (process === undefined || answer === undefined) return
    this.#count(arrives ? 'answers late' : 'answers given up')
    if (arrives) process.take(answer.claim, answer.jobs)
    else process.awaited.delete(answer.claim)
  }

  // Settling

  async #settle({ process: at, which, how, isTwice }: Extract<Command, { do: 'settle' }>): Promise<void> {
    const process = this.#busy(at, ({ held }) => held)
    if (process === undefined) return
    const jobs: ClaimedJob[] = []
    for (const number of which) {
      const free = process.held.filter(
        (job) =>
          !this.#model.locked.has(job.id) &&
          jobs.every(({ id, queueId }) => id !== job.id && queueId === job.queueId),
      )
      const job = pick(free, number)
      if (job !== undefined) jobs.push(job)
    }
    if (jobs.length === 0) return
    const settlements = jobs.map((job, n) => settlementFor(job, how[n] ?? completed))
    const closed = process.book.wouldClose(jobs)
    for (let n = 0; n < (isTwice ? 2 : 1); n++) await this.#settleJobs(jobs, settlements, closed)
    process.book.settled(jobs)
    process.held = process.held.filter((job) => !jobs.includes(job))
  }

  async #haunt(number: number, how: Settlement): Promise<void> {
    const job = pick(
      this.#abandoned.filter(({ id }) => !this.#model.locked.has(id)),
      number,
    )
    if (job === undefined) return
    this.#abandoned = this.#abandoned.filter((other) => other !== job)
    await this.#settleJobs([job], [settlementFor(job, how)], [])
  }

  async #settleJobs(
    jobs: readonly ClaimedJob[],
    settlements: readonly Settlement[],
    closed: readonly number[],
  ): Promise<void> {
    const settled = await this.#store.settleJobs(requestOf(jobs, settlements, closed))
    const expected = this.#model.settle(this.#settlingOf(jobs, settlements, closed))
    assert.deepEqual([...settled.refused].toSorted(), expected.refused.toSorted(), 'settlements refused')
    assert.deepEqual(settled.ended, expected.ended, 'why they ended otherwise')
    this.#count('settlements refused', expected.refused.length)
    this.#count('settlements that ended otherwise', expected.ended.size)
    for (const { kind } of settlements) this.#count(kind)
  }

  #settlingOf(
    jobs: readonly ClaimedJob[],
    settlements: readonly Settlement[],
    closed: readonly number[],
  ): SettlingOf {
    const [first] = jobs
    const queue = QUEUES.find((name) => this.#queueId(name) === first?.queueId) ?? ''
    return {
      worker: first?.lease.worker ?? 0,
      queue,
      closed,
      jobs: jobs.map(({ id, lease }, n) => ({
        id,
        claim: lease.claim,
        settlement: settlements[n] ?? completed,
      })),
    }
  }

  async #storeStep({ process, which, name }: Extract<Command, { do: 'step' }>): Promise<void> {
    const jobs = process === 'ghost' ? this.#abandoned : (this.#busy(process, ({ held }) => held)?.held ?? [])
    const job = pick(
      jobs.filter(({ id }) => !this.#model.locked.has(id)),
      which,
    )
    if (job === undefined) return
    const known = new Set(await this.#stepsOf(job.id))
    const obstacle = this.#model.fence(job)
    const refusal = await refusalOf(this.#store.storeStep(job, { name }))
    assert.equal(refusal, obstacle, `the step of ${job.id}`)
    if (obstacle === undefined) this.#model.job(job.id).steps += known.has(name) ? 0 : 1
    else this.#count('steps refused')
  }

  async #stepsOf(id: string): Promise<string[]> {
    return [...(await this.#store.readSteps(id)).keys()]
  }

  // Transactions that stay open

  async #beginTransaction({ process: at, which, how }: Extract<Command, { do: 'begin' }>): Promise<void> {
    const process = this.#busy(at, ({ held }) => held)
    if (this.#open !== undefined || process === undefined) return
    const job = pick(
      // Who settles a job with a serial key holds the key as well, and adders of it would wait.
      process.held.filter(
        ({ id }) => how === 'complete' || this.#model.job(id).entry.serialKey === undefined,
      ),
      which,
    )
    if (job === undefined) return
    await this.#database.moveClock(this.#model.now, this.#database.other)
    await this.#database.other.query('begin')
    if (how === 'complete') return this.#completeInTransaction(process, job)
    const { now } = this.#model
    const settlement = settlementFor(job, how)
    const closed = process.book.wouldClose([job])
    const isHeld = this.#model.holds(job)
    const { refused } = await this.#database.other.store.settleJobs(requestOf([job], [settlement], closed))
    assert.deepEqual([...refused], isHeld ? [] : [job.id], 'settlements refused in a transaction')
    process.held = process.held.filter((other) => other !== job)
    this.#hold({
      ids: isHeld ? [job.id] : [],
      commit: () => {
        this.#model.settle(this.#settlingOf([job], [settlement], closed), now)
        // It may be another's book by now.
        if (process.worker === job.lease.worker) process.book.settled([job])
      },
      // The connection broke, and the process tries again.
      rollback: () => this.#giveBack(process, job),
    })
  }

  async #completeInTransaction(process: Process, job: ClaimedJob): Promise<void> {
    const at = this.#model.now
    const obstacle = this.#model.fence(job)
    const result = this.#step % 2 === 0 ? undefined : { of: job.id }
    const on = {
      query: async (text: string, values: readonly unknown[]) => ({
        rows: await this.#database.other.query(text, [...values]),
      }),
    }
    const completing = this.#store.completeJob(job, { result, idle: 600_000 }, on)
    assert.equal(await refusalOf(completing), obstacle, `completing ${job.id} in a transaction`)
    if (obstacle !== undefined) {
      this.#count('completions refused')
      await this.#database.other.query('rollback')
      return
    }
    process.held = process.held.filter((other) => other !== job)
    if (process.worker === job.lease.worker) process.concluding.push(job)
    this.#hold({
      ids: [job.id],
      commit: () => {
        this.#model.completed(job, result ?? null, at)
        this.#count('completed in a transaction')
      },
      rollback: () => undefined,
    })
  }

  #giveBack(process: Process, job: ClaimedJob): void {
    if (process.worker === job.lease.worker) process.held.push(job)
    else this.#abandoned.push(job)
  }

  #hold(open: Open): void {
    this.#open = open
    for (const id of open.ids) this.#model.locked.add(id)
  }

  async #endTransaction(how: 'commit' | 'rollback'): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    await this.#database.other.query(how)
    this.#open = undefined
    this.#model.locked.clear()
    open[how]()
    this.#count(`transactions: ${how}`)
  }

  async #conclude(process: Process | undefined): Promise<void> {
    const [first] = process?.concluding ?? []
    if (process === undefined || first === undefined) return
    const jobs = process.concluding
      .filter(({ queueId }) => queueId === first.queueId)
      .toSorted((a, b) => Number(a.id) - Number(b.id))
    const states = await this.#store.concludeJobs({ worker: process.worker, queue: first.queueId, jobs })
    for (const job of jobs) {
      const state = this.#model.conclude(job)
      assert.equal(states.get(job.id), state, `what became of ${job.id}`)
      this.#count(`concluded: ${state}`)
      if (state === 'pending') continue
      process.concluding = process.concluding.filter((other) => other !== job)
      if (state === 'completed') await this.#close(process, job)
      else process.held.push(job)
    }
  }

  /** It is settled already; where it was the last of its claim, that ends. */
  async #close(process: Process, job: ClaimedJob): Promise<void> {
    const closed = process.book.wouldClose([job])
    process.book.settled([job])
    if (closed.length === 0) return
    await this.#store.settleJobs({ worker: job.lease.worker, queue: job.queueId, jobs: [], closed })
    this.#model.settle({ ...this.#settlingOf([job], [completed], closed), jobs: [] })
  }

  async #sweep(): Promise<void> {
    const swept = this.#model.sweep()
    assert.equal(await this.#store.sweepCompletions(), swept, 'completions followed up')
    this.#count('swept', swept)
  }

  // The lives of processes

  async #heartbeat(process: Process, isAnswered: boolean): Promise<void> {
    const known = [...process.book.claims, ...process.awaited]
    const before = process.claims + 1
    const beat = { ...process.registration, lease: LEASE, known, before, heard: process.heard }
    const running = this.#running()
    const { alive, messages } = await this.#store.heartbeat(beat)
    const expected = this.#model.heartbeat(process.worker, {
      known,
      before,
      isHeard: process.heard.length > 0,
    })
    this.#count('given back by heartbeats', running - this.#running())
    assert.equal(alive, expected.alive, `process ${process.worker} is alive`)
    assert.deepEqual(
      messages.map(({ message }) => JSON.stringify(message)).toSorted(),
      expected.messages.map((message) => JSON.stringify(message)).toSorted(),
      'what it is told',
    )
    if (!isAnswered) return
    if (!alive) {
      this.#count('deaths heard of')
      return this.#restart(process)
    }
    process.heard = messages.map(({ id }) => id)
    this.#model.wasRead(process.worker)
  }

  #running(): number {
    return [...this.#model.jobs.values()].filter(({ state }) => state === 'running').length
  }

  async #restart(process: Process): Promise<void> {
    this.#abandoned.push(...process.restart(await this.#register()))
  }

  async #expire(...workers: readonly number[]): Promise<void> {
    await this.#database.main.query(
      `update kongtask.workers set expires_at = least(expires_at, clock_timestamp() - interval '1 s') where id = any ($1)`,
      [workers],
    )
    for (const worker of workers) this.#model.expire(worker)
  }

  async #rescue(): Promise<void> {
    const expected = this.#model.rescue()
    assert.deepEqual(await this.#store.rescueWorkers(), expected, 'what was rescued')
    this.#count('rescued', expected.jobs)
  }

  // An operator

  async #operate(numbers: readonly number[], verb: Verb): Promise<void> {
    const known = [...this.#model.jobs.values()]
    const ids = [...new Set(numbers.flatMap((number) => pick(known, number)?.id ?? []))]
    if (ids.length > 0) await this.#operateOn(ids, verb)
  }

  async #operateOn(ids: readonly string[], verb: Verb): Promise<void> {
    const answers = await this.#store.operateJobs(orderOf(verb), { targets: { ids }, ...NO_PATIENCE })
    const jobs = ids.map((id) => this.#model.job(id)).toSorted(retryOrder)
    const expected = jobs.map(({ id }): Operated => ({ id, status: this.#operateOne(id, verb) }))
    assert.deepEqual(answers.toSorted(byId), expected.toSorted(byId), verb.kind)
    for (const { status } of expected) this.#count(`${verb.kind}: ${status}`)
  }

  #operateOne(id: string, verb: Verb): Operated['status'] {
    switch (verb.kind) {
      case 'cancel':
        return this.#model.cancel(id, 'not needed')
      case 'delete':
        return this.#model.delete(id)
      case 'retry':
        return this.#model.retry(id)
      case 'run_now':
        return this.#model.move(id, { sooner: this.#model.now })
      case 'reschedule':
        return this.#model.move(id, { to: this.#model.now + verb.delay })
      case 'reprioritise':
        return this.#model.move(id, { priority: verb.priority })
      default:
        return verb satisfies never
    }
  }

  async #pause(isPaused: boolean, what: 'queue' | 'task'): Promise<void> {
    const [queue, task] = [QUEUES[0], TASKS[1]]
    const paused = what === 'queue' ? this.#model.pausedQueues : this.#model.pausedTasks
    const name = what === 'queue' ? queue : task
    if (isPaused) {
      await (what === 'queue' ? this.#store.pauseQueue(name) : this.#store.pauseTask(name))
      paused.add(name)
      const { queues, tasks } = this.#database
      const id = what === 'queue' ? queues.get(name) : tasks.get(name)
      this.#model.tell('all', {
        kind: 'pause',
        queue: what === 'queue' ? id : undefined,
        task: what === 'task' ? id : undefined,
      })
    } else {
      await (what === 'queue' ? this.#store.resumeQueue(name) : this.#store.resumeTask(name))
      paused.delete(name)
    }
  }

  async #unpark(): Promise<void> {
    const back = await this.#store.unparkJobs()
    assert.equal(back, this.#model.unpark(), 'jobs that came back')
  }

  async #prune(): Promise<void> {
    assert.deepEqual(
      await this.#store.pruneUniqueKeys(),
      { pruned: this.#model.pruneKeys(), next: undefined },
      'keys pruned',
    )
    const { pruned } = await this.#store.pruneOverflow()
    assert.equal(pruned, this.#model.pruneOverflow(), 'finished jobs pruned')
    this.#count('pruned', pruned)
    let steps = 0
    for (let batch = await this.#store.pruneRecords(); ; batch = await this.#store.pruneRecords(batch.next)) {
      steps += batch.pruned
      if (batch.next === undefined) break
    }
    assert.equal(steps, this.#model.pruneSteps(), 'steps pruned')
  }

  // Comparing

  async #compare(): Promise<void> {
    this.#lines.look(this.#step)
    assert.deepEqual(
      await this.#database.live(),
      liveOf(this.#model, this.#database.queues),
      'what the tables say of live jobs',
    )
    const over = overOf(this.#model)
    const text = JSON.stringify(over)
    if (text === this.#over) return
    this.#over = text
    assert.deepEqual(
      await this.#database.over(this.#firstId),
      over,
      'what the tables say of jobs that are over',
    )
  }

  // The end

  /** Everything comes to an end, and leaves nothing. */
  async #finish(): Promise<void> {
    await this.#endTransaction('commit')
    if (this.#model.pausedQueues.size > 0) await this.#pause(false, 'queue')
    if (this.#model.pausedTasks.size > 0) await this.#pause(false, 'task')
    await this.#expire(...this.#model.workers.keys())
    await this.#rescue()
    await this.#sweep()
    // Twice, to see that nothing is left.
    if (this.#hasParked) for (let n = 0; n < 2; n++) await this.#unpark()
    this.#model.now += 3_600_000
    await this.#database.moveClock(this.#model.now)
    await this.#compare()

    const process = new Process(await this.#register())
    this.#processes[0] = process
    // Of each serial key one job at a time.
    const all = {
      do: 'claim',
      process: 0,
      queue: 'all',
      limit: EVERYTHING,
      isSurvey: true,
      answer: 'heard',
    } as const
    for (let left = this.#liveCount(); left > 0; left = this.#liveCount()) {
      this.#step += 1
      await this.#claim(all)
      while (process.held.length > 0) {
        await this.#settle({ do: 'settle', process: 0, which: [0, 0, 0], how: [], isTwice: false })
      }
      await this.#compare()
      assert(this.#liveCount() < left, 'jobs are stuck')
    }
    // What claims forget is forgotten by now.
    await this.#claim(all)
    await this.#store.unregisterWorker(process.registration)
    this.#model.unregister(process.worker)
    await this.#compare()
    await this.#checkNothingLeft()
  }

  #liveCount(): number {
    return [...this.#model.jobs.values()].filter(isLive).length
  }

  async #checkNothingLeft(): Promise<void> {
    this.#model.now += 86_400_000 * 100
    await this.#database.moveClock(this.#model.now)
    await this.#prune()
    // Dead letters that never expire keep their steps: till they are purged.
    for (const job of this.#model.jobs.values()) {
      if (job.steps > 0) assert.equal(job.end?.expiresAt, Infinity)
    }
    const kept = [...this.#model.jobs.values()].filter((job) => this.#model.isThere(job))
    if (kept.length > 0) await this.#operateOn(idsOf(kept), { kind: 'delete' })
    await this.#prune()
    const nothing = {
      jobs: null,
      claims: null,
      workers: null,
      messages: null,
      completions: null,
      'unique keys': null,
      'serial keys': null,
      steps: null,
    }
    assert.deepEqual(await this.#database.leftOver(), nothing, 'nothing is left over')
  }
}

function newJob({
  task,
  queue,
  priority,
  delay,
  retain,
  retainDead,
  serialKey,
  unique,
}: EntryCommand): NewJob {
  return {
    task,
    payload: '{}',
    contract: false,
    options: {
      queue,
      priority,
      ...(delay === 0 ? {} : { scheduledIn: delay }),
      retain: {
        finished: retain === 0 ? false : retain,
        ...(retainDead === undefined ? {} : { dead: retainDead }),
      },
      ...(serialKey === undefined ? {} : { serialKey }),
      ...(unique === undefined ? {} : { uniqueKey: unique.key }),
      ...(unique?.for === undefined ? {} : { uniqueFor: unique.for }),
    },
  }
}

function entryOf({ unique, ...entry }: EntryCommand): Entry {
  return { ...entry, maxAttempts: 25, uniqueKey: unique?.key, uniqueFor: unique?.for }
}

/** What was cancelled while it ran before is settled as that, without running. */
function settlementFor({ ended }: ClaimedJob, settlement: Settlement): Settlement {
  return ended === null ? settlement : { kind: 'cancelled', reason: ended }
}

function requestOf(
  jobs: readonly ClaimedJob[],
  settlements: readonly Settlement[],
  closed: readonly number[],
) {
  const [first] = jobs
  return {
    worker: first?.lease.worker ?? 0,
    queue: first?.queueId ?? 0,
    jobs: jobs.map(({ id, lease, kept, place }, n) => ({
      id,
      lease,
      kept,
      place,
      settlement: settlements[n] ?? completed,
    })),
    closed,
  }
}

function orderOf(verb: Verb): JobVerb {
  switch (verb.kind) {
    case 'cancel':
      return { kind: 'cancel', reason: 'not needed' }
    case 'reschedule':
      return { kind: 'reschedule', at: undefined, delay: verb.delay }
    case 'reprioritise':
      return verb
    case 'delete':
    case 'retry':
    case 'run_now':
      return { kind: verb.kind }
    default:
      return verb satisfies never
  }
}

/** With which of the fence's codes something was refused; undefined where it was not. */
async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    const code = error instanceof Error ? /^KT_\w+/.exec(error.message)?.[0] : undefined
    if (code === undefined) throw error
    return code
  }
}

function pick<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(items.length, 1)]
}

function idsOf(jobs: readonly { readonly id: string }[]): string[] {
  return jobs.map(({ id }) => id)
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return Number(a.id) - Number(b.id)
}
