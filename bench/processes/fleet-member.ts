// The child's half of a fleet (fleet.ts): a process with some of its workers.

/** What one process has done. */
export interface FleetReport {
  /** The numbers of its jobs. */
  readonly ran: readonly number[]
  /** What went wrong, be it that it was put right. */
  readonly troubles: readonly string[]
}

export type FleetMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ran'; readonly count: number }
  | { readonly kind: 'report'; readonly report: FleetReport }

/** Milliseconds. To ask the database instead would take part of what is measured. */
const TELL_EVERY = 5

export interface FleetMember {
  /** There is something to do; nothing for those who find out themselves. */
  go(): void
  /** How many jobs have run. */
  ran(): number
  stop(): Promise<FleetReport>
}

export interface FleetOrder {
  readonly connectionString: string
  readonly workers: number
  /** The number of the first; others have others. */
  readonly first: number
}

/** Starts what the parent asks for, and stops when it says so, or is gone. */
export async function joinFleet(start: (order: FleetOrder) => Promise<FleetMember>): Promise<void> {
  const [connectionString = '', workers = '', first = ''] = process.argv.slice(2)
  process.once('disconnect', () => process.exit(1))
  const member = await start({ connectionString, workers: Number(workers), first: Number(first) })
  let told = 0
  setInterval(() => {
    const count = member.ran()
    if (count > told) say({ kind: 'ran', count })
    told = count
  }, TELL_EVERY)
  process.on('message', (message) => {
    if (message === 'go') member.go()
    else void member.stop().then((report) => say({ kind: 'report', report }, () => process.exit(0)))
  })
  say({ kind: 'ready' })
}

function say(message: FleetMessage, onSent: () => void = () => undefined): void {
  process.send?.(message, onSent)
}

export function isFleetMessage(message: unknown): message is FleetMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    ['ready', 'ran', 'report'].includes(String(message.kind))
  )
}
