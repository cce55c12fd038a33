import { KongTaskError } from '../core/errors.ts'
import type { ErrorCode } from '../core/error-catalogue.ts'
import { suggestion } from '../core/near-miss.ts'
import { showText } from '../core/show-value.ts'

/**
 * Refuses a name that there is not, with what was probably meant.
 *
 * @param kind what it is the name of: `queue`
 * @throws KongTaskError with the code
 */
export function checkKnownName(
  name: string,
  known: readonly { readonly name: string }[],
  { kind, code, hint = '' }: { kind: string; code: ErrorCode; hint?: string },
): void {
  const names = known.map((each) => each.name)
  if (names.includes(name)) return
  const meant = suggestion(name, names)
  const others =
    names.length === 0 ? ` There is no ${kind} at all.` : ` There are: ${names.slice(0, 20).join(', ')}.`
  throw new KongTaskError(code, `There is no ${kind} ${showText(name)}.${meant || others}${hint}`)
}
