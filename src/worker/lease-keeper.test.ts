import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { HeardMessage, Heartbeat, Registration } from '../store/workers.ts'
import { ClaimBook } from './claim-book.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const LEASE = 15_000
const INTERVAL = 5_000

const weather = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' })
const noSuchRight = Object.assign(new Error('permission denied'), { code: '42501' })

const ofClaim = (claim: number): ClaimedJob => claimedJob('1', { lease: { worker: 1, claim } })

/** A lease, the database that it is kept in, and what its holder is told. Time is virtual. */
class Bench {
  readonly beats: Heartbeat[] = []
  readonly registrations: Registration[] = []
  readonly registeredSessions: unknown[] = []
  readonly unregistered: Registration[] = []
  readonly told: string[] = []
  readonly weather: unknown[] = []
  readonly book = new ClaimBook()
  readonly messages: HeardMessage[] = []
  readonly heard: unknown[] = []
  readonly others: unknown[] = []
  /** What heartbeats see of others. */
  seen = { rescue: false, absent: false }
  /** Whether heartbeats find the session that they name. */
  isSeen = true
  /** How often a new session was asked for. */
  wanted = 0
  /** What a heartbeat comes to. */
  onBeat: () => Promise<boolean> = () => Promise.resolve(true)
  /** What comes before a registration. */
  onRegister: () => Promise<void> = () => Promise.resolve()
  onUnregister: () => Promise<void> = () => Promise.resolve()
  readonly keeper: LeaseKeeper

  constructor() {
    this.keeper = new LeaseKeeper({
      store: {
        registerWorker: async (_lease, _info, session) => {
          this.registeredSessions.push(session)
          await this.onRegister()
          const worker = this.registrations.length + 1
          const registration = { worker, nonce: `nonce ${worker}` }
          this.registrations.push(registration)
          return registration
        },
        heartbeat: (beat) => {
          this.beats.push(beat)
          return this.onBeat().then((alive) => ({
            alive,
            messages: this.messages.splice(0),
            others: this.seen,
            isSeen: this.isSeen,
          }))
        },
        unregisterWorker: async (registration) => {
          await this.onUnregister()
          this.unregistered.push(registration)
        },
      },
      book: this.book,
      lease: LEASE,
      interval: INTERVAL,
      info: { host: 'here' },
      now: () => Date.now(),
      onWeather: (error) => this.weather.push(error),
      onOthers: (others) => this.others.push(others),
      isDirect: true,
      onUnseen: () => (this.wanted += 1),
    })
    this.keeper.holdFor({
      leaseLost: (worker) => this.told.push(`lost ${worker}`),
      leaseRenewed: () => this.told.push('renewed'),
      told: (message) => this.heard.push(message),
    })
  }

  static async started(): Promise<Bench> {
    const bench = new Bench()
    await bench.keeper.start()
    bench.told.length = 0
    return bench
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms)
  }
}

const never = (): Promise<never> => new Promise(() => undefined)

describe('a lease', () => {
  it('begins with a registration, and is renewed about every interval', async () => {
    const bench = new Bench()
    expect(bench.keeper.registration).toBeUndefined()
    await bench.keeper.start()
    expect(bench.keeper.registration).toEqual({ worker: 1, nonce: 'nonce 1' })
    expect(bench.told).toEqual(['renewed'])
    await bench.pass(4 * INTERVAL * 1.1)
    expect(bench.beats.length).toBeGreaterThanOrEqual(4)
    expect(bench.beats[0]).toEqual({
      worker: 1,
      nonce: 'nonce 1',
      session: null,
      lease: LEASE,
      heard: [],
      known: [],
      before: 1,
      isDirect: true,
    })
    expect(new Set(bench.told)).toEqual(new Set(['renewed']))
    await bench.keeper.stop()
  })

  it('waits for a database that is not there yet, and refuses to start on one that will never do', async () => {
    const bench = new Bench()
    bench.onRegister = () => Promise.reject(weather)
    let started = false
    void bench.keeper.start().then(() => (started = true))
    await bench.pass(60_000)
    expect([started, bench.weather.length > 5]).toEqual([false, true])
    bench.onRegister = () => Promise.resolve()
    await bench.pass(5_001)
    expect(started).toBe(true)
    await bench.keeper.stop()

    const forbidden = new Bench()
    forbidden.onRegister = () => Promise.reject(noSuchRight)
    await expect(forbidden.keeper.start()).rejects.toBe(noSuchRight)
  })

  it('ends with a last word, after which nothing happens', async () => {
    const bench = await Bench.started()
    await bench.keeper.stop()
    await bench.keeper.stop()
    expect(bench.unregistered).toEqual([{ worker: 1, nonce: 'nonce 1' }])
    expect(bench.keeper.registration).toBeUndefined()
    await bench.pass(10 * LEASE)
    expect([bench.beats, bench.told, vi.getTimerCount()]).toEqual([[], [], 0])
  })

  it('ends although the last word is not heard, or nothing was ever said', async () => {
    const bench = await Bench.started()
    bench.onUnregister = () => Promise.reject(weather)
    await bench.keeper.stop()
    expect(bench.weather).toEqual([weather])

    const unborn = new Bench()
    await unborn.keeper.stop()
    expect(unborn.unregistered).toEqual([])
  })
})

describe('doubt', () => {
  it('comes when a lease has passed since the last heartbeat that succeeded was sent', async () => {
    const bench = await Bench.started()
    bench.onBeat = () => Promise.reject(weather)
    await bench.pass(LEASE - 1)
    expect(bench.told).toEqual([])
    expect(bench.keeper.registration).toBeDefined()
    await bench.pass(1)
    expect(bench.told).toEqual(['lost 1'])
    expect(bench.keeper.registration).toBeUndefined()
    expect(bench.weather.length).toBeGreaterThanOrEqual(2)
    await bench.keeper.stop()
  })

  it('counts from when the heartbeat was sent, not from when its answer came', async () => {
    const bench = await Bench.started()
    bench.onBeat = () => new Promise((resolve) => setTimeout(() => resolve(true), 4_000))
    const sentAt = Date.now()
    const beat = bench.keeper.beat()
    await bench.pass(4_000)
    await beat
    bench.onBeat = () => Promise.reject(weather)
    await bench.pass(sentAt + LEASE - 1 - Date.now())
    expect(bench.told).toEqual(['renewed'])
    await bench.pass(1)
    expect(bench.told).toEqual(['renewed', 'lost 1'])
    await bench.keeper.stop()
  })

  it('ends with the next success: the same worker goes on, with its claims', async () => {
    const bench = await Bench.started()
    const answered = bench.keeper.openClaim()
    bench.book.opened([ofClaim(answered)])
    bench.keeper.closeClaim(answered)
    bench.onBeat = () => Promise.reject(weather)
    await bench.pass(LEASE)
    bench.onBeat = () => Promise.resolve(true)
    await bench.keeper.beat()
    expect(bench.told).toEqual(['lost 1', 'renewed'])
    expect(bench.keeper.registration).toEqual({ worker: 1, nonce: 'nonce 1' })
    expect(bench.beats.at(-1)).toMatchObject({ worker: 1, known: [1], before: 2 })
    expect(bench.registrations).toHaveLength(1)
    await bench.keeper.stop()
  })
})

describe('messages', () => {
  const cancel = { kind: 'cancel', job: '7', reason: 'sold out' } as const
  const pause = { kind: 'pause', queue: 3, task: undefined } as const

  it('are told once, in order, and acknowledged with the next heartbeat', async () => {
    const bench = await Bench.started()
    bench.messages.push({ id: '9', message: cancel }, { id: '10', message: pause })
    await bench.keeper.beat()
    // It was not deleted yet, or the answer came twice.
    bench.messages.push({ id: '10', message: pause })
    await bench.keeper.beat()
    expect(bench.heard).toEqual([cancel, pause])
    expect(bench.beats.map(({ heard }) => heard)).toEqual([[], ['9', '10']])
    await bench.keeper.stop()
  })

  it('are told although a later one was told and acknowledged before', async () => {
    const bench = await Bench.started()
    bench.messages.push({ id: '10', message: pause })
    await bench.keeper.beat()
    await bench.keeper.beat()
    bench.messages.push({ id: '9', message: cancel })
    await bench.keeper.beat()
    expect(bench.heard).toEqual([pause, cancel])
    await bench.keeper.stop()
  })

  it('of a newer version are passed over, and acknowledged', async () => {
    const bench = await Bench.started()
    bench.messages.push({ id: '4', message: undefined })
    await bench.keeper.beat()
    await bench.keeper.beat()
    expect(bench.beats.at(-1)?.heard).toEqual(['4'])
    await bench.keeper.beat()
    expect([bench.heard, bench.beats.at(-1)?.heard]).toEqual([[], []])
    await bench.keeper.stop()
  })

  it('are read at once where somebody says that there is one for us, or for all', async () => {
    const bench = await Bench.started()
    await bench.keeper.listen(2)
    expect(bench.beats).toHaveLength(0)
    await bench.keeper.listen(1)
    await bench.keeper.listen(undefined)
    expect(bench.beats).toHaveLength(2)
    await bench.keeper.stop()
  })
})

describe('a refused heartbeat', () => {
  it('means that we were declared dead: who holds jobs is told, and we start anew', async () => {
    const bench = await Bench.started()
    bench.book.opened([ofClaim(1)])
    bench.onBeat = () => Promise.resolve(false)
    await bench.keeper.beat()
    expect(bench.told).toEqual(['lost 1', 'renewed'])
    expect(bench.book.claims).toEqual([])
    expect(bench.keeper.registration).toEqual({ worker: 2, nonce: 'nonce 2' })
    bench.onBeat = () => Promise.resolve(true)
    await bench.keeper.beat()
    expect(bench.beats.at(-1)).toMatchObject({ worker: 2 })
    await bench.keeper.stop()
    expect(bench.unregistered).toEqual([{ worker: 2, nonce: 'nonce 2' }])
  })

  it('is as good as a claim that says so', async () => {
    const bench = await Bench.started()
    await bench.keeper.lost()
    expect(bench.told).toEqual(['lost 1', 'renewed'])
    expect(bench.keeper.registration?.worker).toBe(2)
    await bench.keeper.stop()
  })

  it('that answers about a registration of the past changes nothing', async () => {
    const bench = await Bench.started()
    let answer: (alive: boolean) => void = () => undefined
    bench.onBeat = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const beat = bench.keeper.beat()
    await bench.keeper.lost()
    answer(false)
    await beat
    expect(bench.told).toEqual(['lost 1', 'renewed'])
    expect(bench.keeper.registration?.worker).toBe(2)
    await bench.keeper.stop()
  })

  it('of a registration of the past, said by a claim, changes nothing either', async () => {
    const bench = await Bench.started()
    const past = bench.keeper.registration
    await bench.keeper.lost(past)
    await bench.keeper.lost(past)
    expect(bench.told).toEqual(['lost 1', 'renewed'])
    expect(bench.keeper.registration?.worker).toBe(2)
    await bench.keeper.stop()
  })

  it('does not register twice where heartbeats go on while the registration is waited for', async () => {
    const bench = await Bench.started()
    bench.onRegister = () => Promise.reject(weather)
    void bench.keeper.lost()
    await bench.pass(60_000)
    expect(bench.keeper.registration).toBeUndefined()
    bench.onRegister = () => Promise.resolve()
    await bench.pass(60_000)
    expect(bench.registrations).toHaveLength(2)
    expect(bench.keeper.registration?.worker).toBe(2)
    expect(bench.told.filter((what) => what.startsWith('lost'))).toEqual(['lost 1'])
    await bench.keeper.stop()
  })

  it('is followed by a registration at a later heartbeat where the first try was no use', async () => {
    const bench = await Bench.started()
    bench.onRegister = () => Promise.reject(noSuchRight)
    await expect(bench.keeper.lost()).rejects.toBe(noSuchRight)
    bench.onRegister = () => Promise.resolve()
    await bench.pass(INTERVAL * 1.1 + 1)
    expect(bench.keeper.registration?.worker).toBe(2)
    await bench.keeper.stop()
  })

  it('does not keep us from stopping while the database is gone', async () => {
    const bench = await Bench.started()
    bench.onRegister = () => Promise.reject(weather)
    bench.onBeat = () => Promise.resolve(false)
    await bench.pass(INTERVAL * 1.1 + 1)
    expect(bench.told).toEqual(['lost 1'])
    await bench.keeper.stop()
    expect([bench.unregistered, vi.getTimerCount()]).toEqual([[], 0])
  })

  it('leaves no registration behind that came while we stopped', async () => {
    const bench = await Bench.started()
    let register = (): void => undefined
    bench.onRegister = () =>
      new Promise((resolve) => {
        register = resolve
      })
    void bench.keeper.lost()
    let stopped = false
    void bench.keeper.stop().then(() => (stopped = true))
    await bench.pass(1_000)
    expect(stopped).toBe(false)
    register()
    await bench.pass(LEASE * 2)
    expect(stopped).toBe(true)
    expect(bench.unregistered).toEqual([{ worker: 2, nonce: 'nonce 2' }])
    expect([bench.keeper.registration, vi.getTimerCount()]).toEqual([undefined, 0])
  })
})

describe('what a heartbeat vouches for', () => {
  it('is every claim that has unsettled jobs, and those whose answers are awaited', async () => {
    const bench = await Bench.started()
    const answered = bench.keeper.openClaim()
    bench.book.opened([ofClaim(answered)])
    bench.keeper.closeClaim(answered)
    await bench.keeper.beat()
    expect(bench.beats.at(-1)).toMatchObject({ known: [1], before: 2 })

    const awaited = [bench.keeper.openClaim(), bench.keeper.openClaim()]
    await bench.keeper.beat()
    expect(bench.beats.at(-1)).toMatchObject({ known: [1, ...awaited], before: 4 })

    for (const claim of awaited) bench.keeper.closeClaim(claim)
    bench.book.settled([ofClaim(1)])
    await bench.keeper.beat()
    expect(bench.beats.at(-1)).toMatchObject({ known: [], before: 4 })
    await bench.keeper.stop()
  })

  it('is not a try whose answer was given up: what it claimed is to be given back', async () => {
    const bench = await Bench.started()
    const lost = bench.keeper.openClaim()
    bench.keeper.closeClaim(lost)
    const again = bench.keeper.openClaim()
    await bench.keeper.beat()
    expect(bench.beats.at(-1)).toMatchObject({ known: [again], before: again + 1 })
    expect(lost).toBeLessThan(again)
    await bench.keeper.stop()
  })

  it('is never a claim that was opened after it was sent', async () => {
    const bench = await Bench.started()
    bench.onBeat = never
    void bench.keeper.beat()
    const later = bench.keeper.openClaim()
    expect(bench.beats.at(-1)?.before).toBeLessThanOrEqual(later)
  })
})

describe('the number of a claim', () => {
  it('is never used twice, not by the next registration either', async () => {
    const bench = await Bench.started()
    const numbers = [bench.keeper.openClaim(), bench.keeper.openClaim()]
    await bench.keeper.lost()
    numbers.push(bench.keeper.openClaim())
    await bench.keeper.renewIfWorn()
    numbers.push(bench.keeper.openClaim())
    expect(numbers).toEqual([1, 2, 3, 4])
    expect(bench.registrations).toHaveLength(2)
    await bench.keeper.stop()
  })
})

describe('the session by which others see the process', () => {
  it('is told at once, and again with each heartbeat', async () => {
    const bench = await Bench.started()
    await bench.keeper.attend('a session')
    expect(bench.beats.map(({ session }) => session)).toEqual(['a session'])
    await bench.pass(INTERVAL * 1.1)
    expect(bench.beats.map(({ session }) => session)).toEqual(['a session', 'a session'])
    await bench.keeper.stop()
  })

  it('is told at once, too, when it is gone, and not again when nothing has changed', async () => {
    const bench = await Bench.started()
    await bench.keeper.attend('a session')
    await bench.keeper.attend('a session')
    await bench.keeper.attend(null)
    expect(bench.beats.map(({ session }) => session)).toEqual(['a session', null])
    await bench.keeper.stop()
  })

  it('is told last as it is last, however long a heartbeat before takes', async () => {
    const bench = await Bench.started()
    let answer = (_: boolean): void => undefined
    bench.onBeat = () => new Promise<boolean>((resolve) => (answer = resolve))
    const slow = bench.keeper.beat()
    const told = bench.keeper.attend('a session')
    await bench.pass(0)
    expect(bench.beats.map(({ session }) => session)).toEqual([null])
    bench.onBeat = () => Promise.resolve(true)
    answer(true)
    await Promise.all([slow, told])
    expect(bench.beats.map(({ session }) => session)).toEqual([null, 'a session'])
    await bench.keeper.stop()
  })

  it('is told as soon as it can be, where a heartbeat fails', async () => {
    const bench = await Bench.started()
    await bench.keeper.attend('a session')
    bench.onBeat = () => Promise.reject(weather)
    const told = bench.keeper.attend(null)
    await bench.pass(1_000)
    expect(bench.beats.length).toBeGreaterThan(2)
    bench.onBeat = () => Promise.resolve(true)
    await bench.pass(1_000)
    await told
    expect(bench.beats.at(-1)).toMatchObject({ session: null })
    const many = bench.beats.length
    await bench.pass(1_000)
    expect(bench.beats).toHaveLength(many)
    await bench.keeper.stop()
  })

  it('is not part of a new registration: it may be what others took our death from, so another is wanted', async () => {
    const bench = await Bench.started()
    await bench.keeper.attend('a session')
    bench.onBeat = () => Promise.resolve(false)
    await bench.keeper.beat()
    expect([bench.registeredSessions, bench.wanted]).toEqual([[null, null], 1])
    bench.onBeat = () => Promise.resolve(true)
    await bench.keeper.attend('another')
    expect(bench.beats.at(-1)).toMatchObject({ worker: 2, session: 'another' })
    await bench.keeper.stop()
  })

  it('that came while a registration was on its way is told after it', async () => {
    const bench = new Bench()
    let register = (): void => undefined
    bench.onRegister = () => new Promise((resolve) => (register = resolve))
    const starting = bench.keeper.start()
    await bench.pass(0)
    await bench.keeper.attend('a session')
    register()
    await starting
    await bench.pass(0)
    expect([bench.registeredSessions, bench.beats.map(({ session }) => session)]).toEqual([
      [null],
      ['a session'],
    ])
    await bench.keeper.stop()
  })

  it('that the database has lost is wanted anew, and not told until it is there', async () => {
    const bench = await Bench.started()
    bench.isSeen = false
    await bench.keeper.attend('a session')
    expect(bench.wanted).toBe(1)
    await bench.keeper.beat()
    expect(bench.beats.map(({ session }) => session)).toEqual(['a session', null])
    expect(bench.wanted).toBe(1)
    bench.isSeen = true
    await bench.keeper.attend('another')
    await bench.keeper.beat()
    expect(bench.beats.slice(2).map(({ session }) => session)).toEqual(['another', 'another'])
    await bench.keeper.stop()
  })

  it('is wanted anew once an interval at most, where no session is of any use', async () => {
    const bench = await Bench.started()
    bench.isSeen = false
    for (const session of ['one', 'two', 'three']) await bench.keeper.attend(session)
    expect(bench.wanted).toBe(1)
    await bench.pass(INTERVAL)
    await bench.keeper.attend('four')
    expect(bench.wanted).toBe(2)
    await bench.keeper.stop()
  })
})

it('a heartbeat that waits its turn serves all who ask meanwhile', async () => {
  const bench = await Bench.started()
  let answer = (_: boolean): void => undefined
  bench.onBeat = () => new Promise<boolean>((resolve) => (answer = resolve))
  const first = bench.keeper.beat()
  const others = Array.from({ length: 100 }, () => bench.keeper.listen(undefined))
  bench.onBeat = () => Promise.resolve(true)
  answer(true)
  await Promise.all([first, ...others])
  expect(bench.beats).toHaveLength(2)
  await bench.keeper.stop()
})

it('no heartbeat that waited its turn follows the last word', async () => {
  const bench = await Bench.started()
  let answer = (_: boolean): void => undefined
  bench.onBeat = () => new Promise<boolean>((resolve) => (answer = resolve))
  const beats = [bench.keeper.beat(), bench.keeper.beat()]
  const stopped = bench.keeper.stop()
  await bench.pass(0)
  expect(bench.unregistered).toEqual([])
  bench.onBeat = () => Promise.resolve(true)
  answer(true)
  await Promise.all([stopped, ...beats])
  await bench.pass(LEASE)
  expect([bench.beats.length, bench.registrations.length, bench.unregistered.length]).toEqual([1, 1, 1])
})

it('what a heartbeat sees of others is told', async () => {
  const bench = await Bench.started()
  bench.seen = { rescue: false, absent: true }
  await bench.keeper.beat()
  expect(bench.others).toEqual([{ rescue: false, absent: true }])
  await bench.keeper.stop()
})
