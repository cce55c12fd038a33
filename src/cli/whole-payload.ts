import { KongTaskError } from '../core/errors.ts'

/** A piece of JSON: text, which may look like anything within, or a number. */
const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g

/**
 * The value of JSON text. A whole number with more digits than JavaScript keeps would become another one without a word.
 *
 * @throws KT_PAYLOAD_NOT_JSON
 */
export function wholePayload(text: string): unknown {
  for (const [piece] of text.matchAll(TEXT_OR_NUMBER)) {
    if (!/^-?\d+$/.test(piece) || piece === '-0' || written(Number(piece)) === piece) continue
    throw new KongTaskError(
      'KT_PAYLOAD_NOT_JSON',
      `The payload has the number ${piece}, which would become ${written(Number(piece))}. Write it as text, in quotes.`,
    )
  }
  const payload: unknown = JSON.parse(text)
  return payload
}

/** A whole number as JSON has it, without an exponent. */
function written(number: number): string {
  const [digits = '', exponent] = String(number).split('e+')
  if (exponent === undefined) return digits
  const [whole = '', fraction = ''] = digits.split('.')
  return whole + fraction.padEnd(Number(exponent), '0')
}
