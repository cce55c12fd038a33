import { handle, run, type Runner } from 'kongtask'
import type { Pool } from 'pg'
import { sendWelcomeEmail, updateStatistics } from './tasks.ts'

export interface WorkerOptions {
  readonly pool: Pool
  /** pino, winston, console or anything with debug, info, warn and error. */
  readonly logger?: object | undefined
}

/** Works all queues: in the web server's process, in one of its own, or in ten. */
export function startWorker({ pool, logger }: WorkerOptions): Promise<Runner> {
  return run({
    pool,
    logger,
    queues: { email: 5, default: 2 },
    tasks: [
      handle(sendWelcomeEmail, async ({ userId, email }, ctx) => {
        // Here a mail would be sent.
        await ctx.pool.query('update users set welcomed_at = now() where id = $1', [userId])
        ctx.logger.info('Welcome mail sent', { email })
      }),
      handle(updateStatistics, async (_payload, ctx) => {
        await ctx.withTransaction(async (tx) => {
          await tx.query('delete from statistics')
          await tx.query('insert into statistics select count(*) from users')
        })
      }),
    ],
  })
}
