/**
 * Runs `work`, and adds the frames of the caller to the stack of what it throws. An error that comes out of a
 * socket or a batch otherwise says nothing of where in the application to look.
 *
 * @param isInCrowd the call is one of many at once. Then V8 is asked only when something has gone wrong, and knows the
 * functions that wait for the call (`at async …`), as nearly everybody does. To ask at each call was a third of the
 * time of a thousand concurrent ones.
 */
export async function withCallerStack<T>(work: () => T | Promise<T>, isInCrowd = false): Promise<T> {
  const caller: { stack?: string } = {}
  // V8 keeps the raw frames and makes text of them only when somebody reads `stack`.
  if (!isInCrowd) Error.captureStackTrace(caller, withCallerStack)
  try {
    return await work()
  } catch (error) {
    if (isInCrowd) Error.captureStackTrace(caller, withCallerStack)
    if (error instanceof Error) addFrames(error, caller.stack ?? '')
    throw error
  }
}

function addFrames(error: Error, callerStack: string): void {
  const frames = callerStack.slice(callerStack.indexOf('\n') + 1)
  const [nearest] = frames.split('\n', 1)
  if (nearest === undefined || nearest === '' || error.stack?.includes(nearest) === true) return
  // May be frozen: then the stack stays as it is.
  Reflect.set(error, 'stack', `${error.stack ?? error.message}\n${frames}`)
}
