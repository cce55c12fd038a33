// The API of a shipping company, on loopback, with the moods of a real one.
import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'

export interface Partner {
  readonly url: string
  /** How often it took the news of each order. */
  readonly told: ReadonlyMap<string, number>
  /** How often it answered with an error. */
  readonly refusals: number
  close(): Promise<void>
}

/** The carriers it ships with. */
export const CARRIERS = {
  /** Busy at times. */
  swift: 'swift',
  /** Takes no parcel of ours. */
  fussy: 'fussy',
  /** Has been down all day. */
  gone: 'gone',
} as const

export async function startPartner(): Promise<Partner> {
  const told = new Map<string, number>()
  const ordersOf = new Map<string, number>()
  const orders = new Map<string, { readonly index: number; calls: number }>()
  let refusals = 0
  const server = Fastify()

  server.post<{ Params: { carrier: string } }>('/carriers/:carrier/shipments', async (request, reply) => {
    const id = String(request.headers['idempotency-key'])
    const { carrier } = request.params
    const order = orders.get(id) ?? { index: (ordersOf.get(carrier) ?? 0) + 1, calls: 0 }
    if (order.calls === 0) ordersOf.set(carrier, order.index)
    orders.set(id, order)
    order.calls += 1
    const refusal = refusalOf(carrier, order.index, order.calls)
    // As far away as a partner in the same city.
    await delay(15)
    if (refusal === undefined) {
      told.set(id, (told.get(id) ?? 0) + 1)
      return { tracking: `TRACK-${id.slice(0, 8).toUpperCase()}` }
    }
    refusals += 1
    if (refusal.retryAfter !== undefined) reply.header('retry-after', refusal.retryAfter)
    return reply.code(refusal.status).send({ error: refusal.error })
  })

  await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: server.listeningOrigin,
    told,
    get refusals() {
      return refusals
    },
    close: () => server.close(),
  }
}

interface RefusalAnswer {
  readonly status: number
  readonly error: string
  /** Seconds. */
  readonly retryAfter?: number
}

function refusalOf(carrier: string, index: number, call: number): RefusalAnswer | undefined {
  if (carrier === CARRIERS.fussy) return { status: 422, error: 'we do not ship kettles' }
  if (carrier === CARRIERS.gone) return { status: 503, error: 'down for maintenance' }
  if (index % 3 === 0 && call === 1) return { status: 503, error: 'busy' }
  if (index % 5 === 0 && call <= 2) return { status: 503, error: 'busy', retryAfter: 1 }
  return undefined
}
