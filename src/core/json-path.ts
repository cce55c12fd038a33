import { showText } from './show-value.ts'

/** A path into a JSON value as people write it: `items[3].name`, `["two words"]`; the value itself is ''. */
export function jsonPath(keys: readonly PropertyKey[]): string {
  // A path can be as deep as the value; its two ends say where to look.
  if (keys.length > 20) return `${render(keys.slice(0, 10))} … ${render(keys.slice(-9))}`
  return render(keys)
}

function render(keys: readonly PropertyKey[]): string {
  let path = ''
  for (const key of keys) path += step(key, path === '')
  return path
}

function step(key: PropertyKey, isFirst: boolean): string {
  if (typeof key === 'number') return `[${key}]`
  if (typeof key === 'symbol') return '[a symbol]'
  if (/^[A-Za-z_$][\w$]{0,99}$/.test(key)) return isFirst ? key : `.${key}`
  return `[${showText(key)}]`
}
