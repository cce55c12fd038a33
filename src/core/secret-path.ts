import { jsonPath } from './json-path.ts'

/**
 * A path into a payload that is a secret. Names of properties may be told, as long as they are names: what is kept by
 * address or number is content.
 */
export function secretPath(keys: readonly PropertyKey[]): string {
  return jsonPath(keys.map((key) => (typeof key === 'string' && !NAME.test(key) ? '…' : key)))
}

const NAME = /^[A-Za-z_$][\w$]{0,39}$/
