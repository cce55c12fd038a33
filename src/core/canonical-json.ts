import type { Json } from './json.ts'

/** Equal values have equal text: no spaces, keys in order, numbers as JavaScript writes them. */
export function canonicalJson(value: Json): string {
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`)
  return `{${members.join(',')}}`
}

/** What a payload has at `tenant.id`; null where it has nothing there. Of arrays by place, from the end below zero. */
export function jsonAt(value: Json, path: string): Json {
  let at: Json | undefined = value
  for (const step of path.split('.')) {
    if (at === undefined || typeof at !== 'object' || at === null) return null
    if (isArray(at)) at = /^-?\d+$/.test(step) ? at.at(Number(step)) : undefined
    else at = Object.hasOwn(at, step) ? at[step] : undefined
  }
  return at ?? null
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
