// A process with several of the raw loops, each on a connection of its own.
import pg from 'pg'
import { joinFleet } from '../processes/fleet-member.ts'
import { loopRaw } from './raw-sql.ts'

await joinFleet(async ({ connectionString, workers, first }) => {
  const pool = new pg.Pool({ connectionString, max: workers, idleTimeoutMillis: 0 })
  await Promise.all(Array.from({ length: workers }, () => pool.query('select pg_sleep(0.05)')))
  const ran: number[] = []
  const troubles: string[] = []
  const log = { ran: (n: number) => void ran.push(n) }
  let working: Promise<unknown> = Promise.resolve()
  return {
    go: () => {
      const loops = Array.from({ length: workers }, (_, index) => loopRaw(pool, first + index, log))
      working = Promise.all(loops).catch((error: unknown) => troubles.push(String(error)))
    },
    ran: () => ran.length,
    stop: async () => {
      await working
      await pool.end()
      return { ran, troubles }
    },
  }
})
