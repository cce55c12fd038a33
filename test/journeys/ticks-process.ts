// Run as a process of its own by scripts/ticks.ts: a worker like any other, whose clock is off.
import { run, schedule } from 'kongtask'
import { silent } from './journey-logger.ts'

export interface TicksProcessOptions {
  readonly connectionString: string
  /** Milliseconds that this process's clock is ahead. */
  readonly skew: number
}

const { connectionString, skew }: TicksProcessOptions = JSON.parse(process.argv[2] ?? '{}')
const now = Date.now.bind(Date)
const RealDate = Date
// Whoever asks this process what time it is, hears something wrong.
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given: unknown[]) =>
    given.length === 0 ? new RealDate(now() + skew) : Reflect.construct(target, given, target),
  get: (target, key): unknown => (key === 'now' ? () => now() + skew : Reflect.get(target, key)),
})

const runner = await run({
  connectionString,
  migrate: false,
  logger: silent,
  concurrency: 2,
  tasks: { tick: () => undefined },
  schedules: [schedule('* * * * * *', 'tick', {}, { name: 'tick' })],
})
runner.on('schedule.fired', ({ tick }) => process.stdout.write(`${tick.getTime()}\n`))
process.stdout.write('ready\n')
