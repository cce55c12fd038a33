// The process's own life in the database. While a heartbeat sent less than a lease ago succeeded, others believe us
// alive and our jobs are ours; after that we must assume that they are not, and say so before anybody else does.
//
//   unregistered ──register──► alive ──no success for a lease──► doubtful ──success──► alive
//        ▲                       │                                  │
//        └──────── onLost ◄──────┴───────── refused ◄───────────────┘
import type { JsonObject } from '../core/json.ts'
import type { WorkerMessage } from '../core/worker-message.ts'
import { every } from '../runtime/every.ts'
import { retry } from '../runtime/retry.ts'
import type { Service } from '../runtime/service.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import { isTransient } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'
import type { DeadOthers, HeardMessage, Registration, Session } from '../store/workers.ts'
import type { ClaimBook } from './claim-book.ts'

/** From here a worker looks for a quiet moment to take a new number, long before its claims run out of theirs. */
const MANY_CLAIMS = 2 ** 30

export interface LeaseKeeperOptions {
  readonly store: Pick<Store, 'registerWorker' | 'heartbeat' | 'unregisterWorker'>
  readonly book: ClaimBook
  /** Milliseconds. */
  readonly lease: number
  readonly interval: number
  readonly info: JsonObject
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onWeather: (error: unknown, attempt: number) => void
  /** Each heartbeat sees, too, whether there are others to rescue. */
  readonly onOthers?: ((others: DeadOthers) => void) | undefined
  /** Whether heartbeats go over connections of this process's own, and not a pooler's. @default false */
  readonly isDirect?: boolean
  /** The session by which others saw this process is of no use any more: a new one is wanted. */
  readonly onUnseen?: (() => void) | undefined
}

/** Who holds jobs under the lease. */
export interface LeaseHolder {
  /** The jobs at hand are no longer ours, or may not be. */
  leaseLost(worker: number): void
  /** The lease is sure for another while: claiming may go on. */
  leaseRenewed(): void
  told(message: WorkerMessage): void
}

export class LeaseKeeper implements Service {
  readonly #options: LeaseKeeperOptions
  readonly #beats: Service
  readonly #stopping = new AbortController()
  #holder: LeaseHolder | undefined
  #registration: Registration | undefined
  #registering: Promise<void> | undefined
  #doubtful = false
  #session: Session = null
  #beating: Promise<void> | undefined
  #nextBeat: Promise<void> | undefined
  #unseenAt = -Infinity
  #claims = 0
  /** What was told and is not known to be deleted yet. */
  #heard: ReadonlySet<string> = new Set()
  /** Claims on their way. */
  readonly #awaited = new Set<number>()
  #expiry: Timer | undefined

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#beats = every(
      options.interval,
      () => this.beat(),
      (error) => options.onWeather(error, 1),
    )
  }

  async start(): Promise<void> {
    await this.#register()
    await this.#beats.start()
  }

  /** The last word: no claim, settlement or heartbeat may follow. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#beats.stop(), this.#nextBeat, this.#beating])
    // One that is still on its way must be taken back, too.
    await this.#registering?.catch(() => undefined)
    this.#expiry?.stop()
    const registration = this.#registration
    this.#registration = undefined
    if (registration !== undefined) await this.#unregister(registration)
  }

  /** Who is told what becomes of the lease. */
  holdFor(holder: LeaseHolder): void {
    this.#holder = holder
  }

  /** Milliseconds that it lasts without a heartbeat. */
  get duration(): number {
    return this.#options.lease
  }

  /** Who we are, while we may claim. */
  get registration(): Registration | undefined {
    return this.#doubtful ? undefined : this.#registration
  }

  /** A fresh number for a claim that is about to be sent; not reused under a later registration either. */
  openClaim(): number {
    this.#claims += 1
    this.#awaited.add(this.#claims)
    return this.#claims
  }

  /** Its answer is here and in the book, or will never be waited for. */
  closeClaim(claim: number | undefined): void {
    if (claim !== undefined) this.#awaited.delete(claim)
  }

  /** The numbers of the claims on their way. */
  get awaited(): ReadonlySet<number> {
    return this.#awaited
  }

  /**
   * One heartbeat, behind the one that is under way: an older one must not have the last word of our session. One that has not
   * begun yet serves all who ask meanwhile.
   */
  beat(): Promise<void> {
    if (this.#nextBeat !== undefined) return this.#nextBeat
    if (this.#beating === undefined) return this.#beginBeat()
    const next = this.#beating.then(() => {
      this.#nextBeat = undefined
      return this.#beginBeat()
    })
    this.#nextBeat = next
    return next
  }

  #beginBeat(): Promise<void> {
    const beat = this.#beat()
    const over = (): void => {
      this.#beating = undefined
    }
    this.#beating = beat.then(over, over)
    return beat
  }

  async #beat(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const registration = this.#registration
    if (registration === undefined) return this.#register()
    const { store, book, lease, isDirect = false, now } = this.#options
    const sentAt = now()
    const known = [...book.claims, ...this.#awaited]
    const session = this.#session
    const heard = [...this.#heard]
    const beat = { ...registration, lease, known, before: this.#claims + 1, heard, session, isDirect }
    const { alive, messages, others, isSeen } = await store.heartbeat(beat)
    if (this.#registration !== registration) return
    if (!alive) return this.lost()
    this.#renewed(sentAt)
    this.#read(messages)
    this.#options.onOthers?.(others)
    if (!isSeen && session !== null && session === this.#session) this.#unseen()
  }

  /** The database says it again until a heartbeat acknowledges it. A lower number may come after a higher one. */
  #read(messages: readonly HeardMessage[]): void {
    const before = this.#heard
    this.#heard = new Set(messages.map(({ id }) => id))
    for (const { id, message } of messages) {
      if (message !== undefined && !before.has(id)) this.#holder?.told(message)
    }
  }

  /** There is something to be read; whom it is for, the database knows. */
  async listen(worker: number | undefined): Promise<void> {
    if (worker !== undefined && worker !== this.#registration?.worker) return
    try {
      await this.beat()
    } catch (error) {
      this.#options.onWeather(error, 1)
    }
  }

  /** By which others see that this process is there. They are told at once: a moment later one that is gone means death. */
  async attend(session: Session): Promise<void> {
    if (session === this.#session) return
    this.#session = session
    if (this.#registration === undefined) return
    const { onWeather } = this.#options
    try {
      await retry(() => this.beat(), {
        isTransient: (error) => session === this.#session && isTransient(error),
        onRetry: onWeather,
        signal: this.#stopping.signal,
      })
    } catch (error) {
      if (session === this.#session) onWeather(error, 1)
    }
  }

  /** Until there is another, only heartbeats say that we are there. */
  #unseen(): void {
    const { now, interval, onUnseen } = this.#options
    this.#session = null
    // A new one that is of no use either is not worth a storm of them.
    if (now() - this.#unseenAt < interval) return
    this.#unseenAt = now()
    onUnseen?.()
  }

  /**
   * The database says that we were declared dead: nothing at hand is ours, and we start anew. It may say so late, of
   * a registration that we have given up already.
   */
  async lost(registration: Registration | undefined = this.#registration): Promise<void> {
    if (registration === undefined || registration !== this.#registration) return
    this.#registration = undefined
    this.#expiry?.stop()
    this.#options.book.clear()
    this.#holder?.leaseLost(registration.worker)
    // It may be what others took our death from.
    this.#unseen()
    await this.#register()
  }

  /** It has made so many claims that their numbers may run out, and nothing is at hand. */
  get isWorn(): boolean {
    return this.#claims >= MANY_CLAIMS && this.#awaited.size === 0 && this.#options.book.claims.length === 0
  }

  /** Takes a new number while nothing is at hand, if the old one's claims are many. */
  async renewIfWorn(): Promise<void> {
    if (!this.isWorn || this.#registration === undefined) return
    const worn = this.#registration
    this.#registration = undefined
    this.#claims = 0
    await this.#register(worn)
  }

  /** One at a time: heartbeats go on while a registration is waited for. */
  #register(worn?: Registration): Promise<void> {
    this.#registering ??= this.#registerOnce(worn).finally(() => {
      this.#registering = undefined
    })
    return this.#registering
  }

  async #registerOnce(worn: Registration | undefined): Promise<void> {
    if (worn !== undefined) await this.#unregister(worn)
    const { store, lease, info, now, onWeather } = this.#options
    let sentAt = now()
    let session = this.#session
    const registration = await retry(
      () => {
        sentAt = now()
        session = this.#session
        return store.registerWorker(lease, info, session)
      },
      { isTransient, onRetry: onWeather, signal: this.#stopping.signal },
    )
    this.#registration = registration
    this.#renewed(sentAt)
    // It has changed meanwhile, when there was nobody to say so.
    if (session !== this.#session) void this.listen(undefined)
  }

  async #unregister(registration: Registration): Promise<void> {
    try {
      await this.#options.store.unregisterWorker(registration)
    } catch (error) {
      // The row stays until its lease runs out; then it is rescued, and there is nothing left to rescue.
      this.#options.onWeather(error, 1)
    }
  }

  #renewed(sentAt: number): void {
    const { lease, now } = this.#options
    this.#doubtful = false
    this.#expiry?.stop()
    this.#expiry = startTimer(sentAt + lease - now(), () => this.#doubt())
    this.#holder?.leaseRenewed()
  }

  /** A lease has passed since the last heartbeat that was heard: somebody may be taking our jobs this moment. */
  #doubt(): void {
    if (this.#registration === undefined) return
    this.#doubtful = true
    this.#holder?.leaseLost(this.#registration.worker)
  }
}
