/** Other people's proxies and getters may throw; then there is nothing to see. */
export function propertyOf(value: object, name: string): unknown {
  try {
    return Reflect.get(value, name)
  } catch {
    return undefined
  }
}

export function hasMethods(value: object, names: readonly string[]): boolean {
  return names.every((name) => typeof propertyOf(value, name) === 'function')
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
