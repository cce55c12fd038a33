import type { Driver } from './driver.ts'
import { hasMethods } from './shape.ts'

/** Known in order to be refused: over HTTP each call is a transaction of its own. Neon's WebSocket client is node-postgres. */
export const neonHttp: Driver = {
  name: 'Neon (HTTP)',
  pass: 'a client of `new Pool(…)` of the same package, after `begin`',
  recognise: (value) =>
    typeof value === 'function' && hasMethods(value, ['query', 'unsafe', 'transaction']) ? 'root' : undefined,
}
