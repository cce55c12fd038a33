import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { KongTask } from 'kongtask'
import { DatabaseError, type Pool } from 'pg'
import { z, ZodError } from 'zod'
import { inTransaction } from './database.ts'
import { sendWelcomeEmail, updateStatistics } from './tasks.ts'

const registration = z.object({ email: z.email(), name: z.string().min(1) })

export interface AppOptions {
  readonly pool: Pool
  readonly kong: KongTask
}

/** The web process: it adds jobs, and runs none. */
export function buildApp({ pool, kong }: AppOptions): Hono {
  const app = new Hono()

  app.post('/register', async (context) => {
    const { email, name } = registration.parse(await context.req.json())
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
      console.error('The statistics will be late', error)
    }
    return context.json({ userId }, 201)
  })

  app.onError((error, context) => {
    if (error instanceof ZodError) return context.json({ error: z.prettifyError(error) }, 400)
    if (error instanceof SyntaxError) return context.json({ error: 'The body is no JSON.' }, 400)
    if (error instanceof DatabaseError && error.code === '23505') {
      return context.json({ error: 'Somebody has this address already.' }, 409)
    }
    console.error('A request failed', error)
    return context.json({ error: 'Something went wrong.' }, 500)
  })
  return app
}
