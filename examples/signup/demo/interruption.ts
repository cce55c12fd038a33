export interface Interruption {
  /** Aborts when somebody wants the demo to end. */
  readonly signal: AbortSignal
  /** Stops listening for it. */
  readonly forget: () => void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Milliseconds. npm and tsx pass on the Ctrl-C that the terminal has already sent to all of us. */
const SAME_KEYSTROKE = 500

/** Ctrl-C and its relatives; who presses it again wants no graceful end. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController()
  let first: number | undefined
  const onSignal = (): void => {
    const now = performance.now()
    first ??= now
    if (now - first > SAME_KEYSTROKE) process.exit(130)
    controller.abort(new Error('The demo was interrupted.'))
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    signal: controller.signal,
    forget: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    },
  }
}
