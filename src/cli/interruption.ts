import { EXIT } from './exit-codes.ts'

/** The reason of a command's signal when somebody ends it. */
export class Interruption extends Error {
  readonly exitCode: typeof EXIT.interrupted | typeof EXIT.terminated

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal === 'SIGINT' ? 'Interrupted.' : 'Terminated.')
    this.name = 'Interruption'
    this.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
  }
}

export interface Interruptions {
  readonly signal: AbortSignal
  readonly forget: () => void
}

/**
 * Aborts with Ctrl-C and SIGTERM, so that a command can take back what it began, and when its output is broken. A second
 * signal ends the process at once.
 */
export function onInterruption(broken: AbortSignal): Interruptions {
  const controller = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    const reason = new Interruption(signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT')
    if (controller.signal.aborted) process.exit(reason.exitCode)
    controller.abort(reason)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    signal: AbortSignal.any([controller.signal, broken]),
    forget: () => {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}
