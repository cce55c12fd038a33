// A worker in a process of its own, as it would be deployed: this is all that such a process does.
import pino from 'pino'
import { readSettings } from '../app/settings.ts'
import { startWorker } from '../app/worker.ts'

const logger = pino(pino.destination(process.env['LOG_FILE'] ?? 1))
const runner = await startWorker({ settings: readSettings(process.env), logger, handleSignals: true })

const tell = (message: unknown): void => {
  if (process.connected) process.send?.(message)
}
// What a handler says with `progress` is an event; the demo draws it.
runner.on('job.progress', ({ job, done, total, note }) => tell({ task: job.task, done, total, note }))
// If the demo is killed, nobody would stop this process.
process.once('disconnect', () => void runner.stop())
tell('ready')

await runner.stopped
if (process.connected) process.disconnect()
