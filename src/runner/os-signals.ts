/** Stops on SIGTERM and SIGINT; a second one ends the process at once. Returns the call that ends the listening. */
export function onOsSignals(stop: () => Promise<void>): () => void {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    // Nothing is lost: what was running is rescued when this process's lease runs out.
    if (asked) process.exit(signal === 'SIGINT' ? 130 : 143)
    asked = true
    void stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return () => {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
}
