// A process with several runners, each with connections of its own, as so many processes would have.
import { run } from 'kongtask'
import { numberOf } from '../loads/run-check.ts'
import { joinFleet } from '../processes/fleet-member.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

await joinFleet(async ({ connectionString, workers }) => {
  const ran: number[] = []
  const troubles: string[] = []
  const start = async (): Promise<() => Promise<void>> => {
    const runner = await run({
      connectionString,
      migrate: false,
      logger: silent,
      tasks: { noop: (payload) => void ran.push(numberOf(payload)) },
    })
    runner.on('worker.weather', ({ doing, error }) => troubles.push(`${doing}: ${String(error)}`))
    runner.on('worker.lease_lost', () => troubles.push('a lease was lost'))
    runner.on('worker.rescued', () => troubles.push('jobs were rescued'))
    runner.on('job.lost', () => troubles.push('a job was lost'))
    runner.on('job.failed', () => troubles.push('a job failed'))
    return () => runner.stop()
  }
  const stops = await Promise.all(Array.from({ length: workers }, start))
  return {
    go: nothing,
    ran: () => ran.length,
    stop: async () => {
      await Promise.all(stops.map((stop) => stop()))
      return { ran, troubles }
    },
  }
})
