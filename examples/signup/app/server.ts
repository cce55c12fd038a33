import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { KongTask } from 'kongtask'
import { DatabaseError, type Pool, type PoolClient } from 'pg'
import { z, ZodError } from 'zod'
import { inTransaction } from './database.ts'
import { buildReport, makeThumbnails, processOrder, reportSpec, sendWelcomeEmail } from './tasks.ts'

const signupRequest = z.object({
  name: z.string().min(1),
  email: z.email(),
  avatar: z.string(),
  coupon: z.string().optional(),
})
const orderRequest = z.object({
  customer: z.string(),
  product: z.string(),
  quantity: z.int().min(1),
  carrier: z.string(),
  coupon: z.string().optional(),
})

/** The web process: it adds jobs and runs none. */
export function buildServer({
  pool,
  kong,
}: {
  readonly pool: Pool
  readonly kong: KongTask
}): FastifyInstance {
  const server = Fastify()

  server.post('/signup', async (request, reply) => {
    const { name, email, avatar, coupon } = signupRequest.parse(request.body)
    const userId = randomUUID()
    // The user and both jobs are committed together, or there is none of the three. No worker sees a job of a
    // transaction that is still open.
    await inTransaction(pool, async (tx) => {
      await tx.query('insert into app.users (id, name, email) values ($1, $2, $3)', [userId, name, email])
      await kong.with(tx).addJob(sendWelcomeEmail, { userId, email, name })
      await kong.with(tx).addJob(makeThumbnails, { userId, picture: avatar }, { tags: ['avatar'] })
      await redeem(tx, coupon, userId)
    })
    return reply.code(201).send({ userId })
  })

  server.post('/orders', async (request, reply) => {
    const { customer, product, quantity, carrier, coupon } = orderRequest.parse(request.body)
    const orderId = randomUUID()
    await inTransaction(pool, async (tx) => {
      await tx.query(
        'insert into app.orders (id, customer, product, quantity, carrier) values ($1, $2, $3, $4, $5)',
        [orderId, customer, product, quantity, carrier],
      )
      await kong.with(tx).addJob(processOrder, { orderId })
      await redeem(tx, coupon, orderId)
    })
    return reply.code(201).send({ orderId })
  })

  server.post('/reports', async (request, reply) => {
    const { dataset, groupBy, sumOf } = reportSpec.parse(request.body)
    const reportId = randomUUID()
    await inTransaction(pool, async (tx) => {
      await tx.query('insert into app.reports (id, dataset, group_by, sum_of) values ($1, $2, $3, $4)', [
        reportId,
        dataset,
        groupBy,
        sumOf ?? null,
      ])
      await kong.with(tx).addJob(buildReport, { reportId, dataset, groupBy, sumOf })
    })
    return reply.code(202).send({ reportId })
  })

  server.get<{ Params: { id: string } }>('/reports/:id', async (request, reply) => {
    const id = z.uuid().parse(request.params.id)
    const { rows } = await pool.query<Record<string, unknown>>('select * from app.reports where id = $1', [
      id,
    ])
    return rows[0] ?? reply.code(404).send({ error: 'There is no such report.' })
  })

  server.setErrorHandler((error, _request, reply) => refuse(error, reply))
  return server
}

/** A request that the application turns down, after its jobs may have been added. */
class Refusal extends Error {}

async function redeem(tx: PoolClient, coupon: string | undefined, redeemedFor: string): Promise<void> {
  if (coupon === undefined) return
  const { rows } = await tx.query<{ expired: boolean }>(
    'select expires_at < now() as expired from app.coupons where code = $1',
    [coupon],
  )
  if (rows[0]?.expired === true) throw new Refusal(`The coupon ${coupon} has expired.`)
  // Whether there is such a coupon at all, the foreign key says when the transaction commits.
  await tx.query('insert into app.redemptions (redeemed_for, coupon) values ($1, $2)', [redeemedFor, coupon])
}

const FOREIGN_KEY_VIOLATION = '23503'
const UNIQUE_VIOLATION = '23505'

function refuse(error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof ZodError) return reply.code(400).send({ error: z.prettifyError(error) })
  if (error instanceof Refusal) return reply.code(409).send({ error: error.message })
  if (error instanceof DatabaseError && error.code === FOREIGN_KEY_VIOLATION) {
    return reply.code(409).send({ error: error.detail })
  }
  if (error instanceof DatabaseError && error.code === UNIQUE_VIOLATION) {
    return reply.code(409).send({ error: 'Somebody has this address already.' })
  }
  console.error(error)
  return reply.code(500).send({ error: 'Something went wrong.' })
}
