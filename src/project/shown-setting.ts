import { isPlainObject } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import { maskedUrl } from './masked-url.ts'

/** A setting as text for a table. What is secret in it is not shown. */
export function shownSetting(name: string, value: unknown): string {
  if (/connectionString/i.test(name) && typeof value === 'string') return maskedUrl(value)
  if (name === 'encryption') return shownKeys(value)
  if (name === 'queues' && isPlainObject(value)) return shownQueues(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(', ')
  return name === 'tasks' && isPlainObject(value) ? Object.keys(value).join(', ') : showValue(value)
}

function shownQueues(queues: Readonly<Record<string, unknown>>): string {
  return Object.entries(queues)
    .map(([name, concurrency]) => (typeof concurrency === 'number' ? `${name}=${concurrency}` : name))
    .join(', ')
}

/** Which keys, not what they are. */
function shownKeys(encryption: unknown): string {
  const keys = isPlainObject(encryption) ? encryption['keys'] : undefined
  return isPlainObject(keys) ? `keys ${Object.keys(keys).join(', ')}` : 'keys'
}
