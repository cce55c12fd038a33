import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { KongTask } from 'kongtask'
import { DatabaseError, type Pool } from 'pg'
import { z, ZodError } from 'zod'
import { inTransaction } from './database.ts'
import { sendWelcomeEmail, updateStatistics } from './tasks.ts'

const registration = z.object({ email: z.email(), name: z.string().min(1) })

export interface ServerOptions {
  readonly pool: Pool
  readonly kong: KongTask
  readonly logger?: FastifyServerOptions['logger']
}

/** The web process: it adds jobs, and runs none. */
export function buildServer({ pool, kong, logger = false }: ServerOptions): FastifyInstance {
  const server = Fastify({ logger })

  server.post('/register', async (request, reply) => {
    const { email, name } = registration.parse(request.body)
    const userId = randomUUID()
    // The user and the welcome are committed together, or there is neither.
    await inTransaction(pool, async (tx) => {
      await tx.query('insert into users (id, email, name) values ($1, $2, $3)', [userId, email, name])
      await kong.with(tx).addJob(sendWelcomeEmail, { userId, email, name })
    })
    try {
      await kong.addJob(updateStatistics)
    } catch (error) {
      // Not fatal: the user is there.
      request.log.error({ err: error }, 'The statistics will be late')
    }
    return reply.code(201).send({ userId })
  })

  server.setErrorHandler((error, request, reply) => {
    if (error instanceof ZodError) return reply.code(400).send({ error: z.prettifyError(error) })
    if (error instanceof DatabaseError && error.code === '23505') {
      return reply.code(409).send({ error: 'Somebody has this address already.' })
    }
    request.log.error({ err: error }, 'A request failed')
    return reply.code(500).send({ error: 'Something went wrong.' })
  })
  return server
}
