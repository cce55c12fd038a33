/**
 * Runs `work`, and adds the frames of the caller to the stack of what it throws. An error that comes out of a
 * socket or a batch otherwise says nothing of where in the application to look.
 *
 * @param isInCrowd the call is one of many at once. Then V8 is asked only when something has gone wrong, and knows the
 * functions that wait for the call (`at async …`), as nearly everybody does. To ask at each call was a third of the
 * time of a thousand concurrent ones.
 */
export async function withCallerStack<T>(work: () => T | Promise<T>, isInCrowd = false): Promise<T> {
  // V8 keeps the raw frames and makes text of them only when somebody reads `stack`.
  const caller: { stack?: string } = {}
  if (!isInCrowd) Error.captureStackTrace(caller, withCallerStack)
  try {
    return await work()
  } catch (error) {
    if (isInCrowd) Error.captureStackTrace(caller, withCallerStack)
    if (error instanceof Error) addFrames(error, framesOf(caller.stack ?? '', isInCrowd))
    throw error
  }
}

/** `whoWaits`: only the functions that wait, and not what of Node's woke them. */
function framesOf(stack: string, whoWaits: boolean): readonly string[] {
  const frames = stack.split('\n').slice(1)
  return whoWaits ? frames.filter((frame) => !frame.includes('node:internal/')) : frames
}

function addFrames(error: Error, frames: readonly string[]): void {
  const [nearest] = frames
  if (nearest === undefined || error.stack?.includes(nearest.replace(' at async ', ' at ')) === true) return
  // May be frozen: then the stack stays as it is.
  Reflect.set(error, 'stack', `${error.stack ?? error.message}\n${frames.join('\n')}`)
}
