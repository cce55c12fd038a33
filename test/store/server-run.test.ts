import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/wait.ts'

interface Row {
  readonly run: string
  readonly started: string
}

// On a server of its own: the crash of one backend takes all of them along.
it('another run of the server begins where a backend crashed, though the server was not started anew', async () => {
  await using server = await startPostgres({ durable: false })
  const pool = new pg.Pool({ connectionString: server.connectionString, max: 1 })
  pool.on('error', () => undefined)
  onTestFinished(() => pool.end())
  await using kong = new KongTask({ pool })
  await kong.migrate()
  const ask = async (): Promise<Row | undefined> => {
    const { rows } = await pool.query<Row>(
      'select kongtask.server_run() as run, pg_postmaster_start_time()::text as started',
    )
    return rows[0]
  }
  const before = await ask()
  expect(await ask()).toEqual(before)

  const victim = new pg.Client({ connectionString: server.connectionString })
  victim.on('error', () => undefined)
  await victim.connect()
  const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid')
  const ended = new Promise<void>((resolve) => victim.once('end', () => resolve()))
  process.kill(rows[0]?.pid ?? 0, 'SIGKILL')
  await ended
  const behind = await eventually(
    async () => {
      const now = await ask()
      expect(now?.run).not.toBe(before?.run)
      return now
    },
    { within: 20_000 },
  )
  expect(behind?.started).toBe(before?.started)
})
