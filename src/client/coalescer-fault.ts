/** The same error for another caller, whose stack will be added to it. */
export function copyOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const copy = new Error(error.message)
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error))
  const { stack: _stack, ...own } = Object.getOwnPropertyDescriptors(error)
  Object.defineProperties(copy, own)
  Reflect.set(copy, 'stack', error.stack)
  return copy
}
