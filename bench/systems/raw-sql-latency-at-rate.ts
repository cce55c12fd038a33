import pg from 'pg'
import type { LatencySystem, Starts } from '../loads/latency.ts'
import { numberOf } from '../loads/run-check.ts'
import { RAW_TABLE } from './raw-sql.ts'

const ADD = `
  with added as (
    insert into raw_jobs (id, run_at, queue_id, payload)
    select n, clock_timestamp(), 1, jsonb_build_object('n', n) from unnest($1::int8[]) as n
    returning queue_id)
  select pg_notify('raw_ready', queue_id::text) from added limit 1`

const MOST = 1_000

const CLAIM = `
  update raw_jobs j set worker = 1, attempt = j.attempt + 1
    from (select id from raw_jobs
           where queue_id = 1 and priority = 1 and run_at <= now() and worker = 0
           order by run_at, id limit ${MOST} for update skip locked) picked
   where j.queue_id = 1 and j.id = picked.id
  returning j.id, j.payload`

const COMPLETE = 'delete from raw_jobs where id = any ($1::int8[])'

/** What arrives while a batch is on its way goes with the next one. */
class Batches<T> {
  readonly #send: (batch: readonly T[]) => Promise<unknown>
  #waiting: { readonly item: T; readonly sent: () => void; readonly failed: (error: unknown) => void }[] = []
  #isSending = false

  constructor(send: (batch: readonly T[]) => Promise<unknown>) {
    this.#send = send
  }

  /** Resolves when the batch that it went with has been answered. */
  async put(item: T): Promise<void> {
    await new Promise<void>((sent, failed) => {
      this.#waiting.push({ item, sent, failed })
      if (this.#isSending) return
      this.#isSending = true
      // Behind what is put in the same turn.
      queueMicrotask(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      await this.#send(batch.map(({ item }) => item)).then(
        () => batch.forEach(({ sent }) => sent()),
        (error: unknown) => batch.forEach(({ failed }) => failed(error)),
      )
    }
    this.#isSending = false
  }
}

/**
 * By hand, for many: what is to be added while an insert is on its way goes with the next, and what is to be deleted
 * likewise; one connection each, one listens, one claims whatever there is, again where it was told meanwhile.
 */
export async function rawSqlLatencyAtRate(connectionString: string, starts: Starts): Promise<LatencySystem> {
  const connected = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    return client
  }
  const [adder, listener, claimer, completer] = [
    await connected(),
    await connected(),
    await connected(),
    await connected(),
  ]
  await adder.query(`drop table if exists raw_jobs; ${RAW_TABLE}`)
  const adding = new Batches((ids: readonly number[]) =>
    adder.query({ name: 'add', text: ADD, values: [ids] }),
  )
  const completing = new Batches((ids: readonly string[]) =>
    completer.query({ name: 'complete', text: COMPLETE, values: [ids] }),
  )
  const ended = new Set<Promise<void>>()
  let isTold = false
  let working: Promise<void> | undefined
  const work = async (): Promise<void> => {
    while (isTold) {
      isTold = false
      const { rows } = await claimer.query<{ id: string; payload: unknown }>({ name: 'claim', text: CLAIM })
      // What was too much for one claim has been told already.
      isTold ||= rows.length === MOST
      for (const { id, payload } of rows) {
        starts.started(numberOf(payload))
        const end = completing.put(id).finally(() => ended.delete(end))
        ended.add(end)
      }
    }
    working = undefined
  }
  listener.on('notification', () => {
    isTold = true
    working ??= work()
  })
  await listener.query('listen raw_ready')
  return {
    add: (n) => adding.put(n),
    close: async () => {
      await working
      await Promise.all(ended)
      for (const client of [adder, listener, claimer, completer]) await client.end()
    },
  }
}
