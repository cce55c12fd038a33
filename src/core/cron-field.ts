import { showText } from './show-value.ts'
import { SyntaxFlaw } from './syntax-flaw.ts'

/** What one field of a cron pattern counts. */
export interface FieldKind {
  readonly name: string
  readonly least: number
  readonly most: number
  /** Words for numbers, in capitals. */
  readonly words?: ReadonlyMap<string, number> | undefined
  /** What reads `most` + 1 as `least`: 7 is a Sunday too. */
  readonly wraps?: boolean | undefined
}

/** A piece of a field between commas. */
export interface FieldPart {
  readonly text: string
  /** Characters before it. */
  readonly at: number
}

/** The pieces of a field. @throws SyntaxFlaw */
export function partsOf(text: string, at: number, kind: FieldKind): readonly FieldPart[] {
  let from = at
  return text.split(',').map((part) => {
    const place = from
    from += part.length + 1
    if (part === '') throw new SyntaxFlaw(place, `the ${kind.name} has nothing between two commas`)
    return { text: part, at: place }
  })
}

const PART = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\w+))?$/

/** The numbers that a piece stands for: `*`, `5`, `1-5`, with a step behind `*` or a range. @throws SyntaxFlaw */
export function numbersOf({ text, at }: FieldPart, kind: FieldKind): readonly number[] {
  const match = PART.exec(text)
  if (match === null) {
    throw new SyntaxFlaw(
      at,
      `${showText(text)} is no ${kind.name}: give ${kind.least} to ${kind.most}, a range such as ${kind.least}-${kind.least + 4}, or a step such as */2`,
    )
  }
  const [, star, first, last, step] = match
  if (step !== undefined && star === undefined && last === undefined) {
    throw new SyntaxFlaw(
      at,
      `${showText(text)} steps from a single number: write ${first}-${kind.most}/${step}`,
    )
  }
  const from = first === undefined ? kind.least : numberOf(first, at, kind)
  const to = star === undefined ? endOf(first ?? '', from, last, at, kind) : kind.most
  const every = step === undefined ? 1 : stepOf(step, at + text.length - step.length, kind)
  const numbers: number[] = []
  for (let number = from; number <= to; number += every) numbers.push(wrapped(number, kind))
  return numbers
}

function endOf(first: string, from: number, last: string | undefined, at: number, kind: FieldKind): number {
  if (last === undefined) return from
  const to = numberOf(last, at + first.length + 1, kind)
  if (to >= from) return to
  // Monday to Sunday: at the end of a range, Sunday is the seventh day.
  if (kind.wraps === true && to === kind.least) return kind.most + 1
  throw new SyntaxFlaw(at, `the range ${showText(`${first}-${last}`)} ends before it begins`)
}

/** @throws SyntaxFlaw */
export function numberOf(text: string, at: number, kind: FieldKind): number {
  const word = kind.words?.get(text.toUpperCase())
  if (word !== undefined) return word
  const most = kind.wraps === true ? kind.most + 1 : kind.most
  const number = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (number >= kind.least && number <= most) return number
  const words = kind.words === undefined ? '' : `, or ${[...kind.words.keys()].join(', ')}`
  throw new SyntaxFlaw(at, `${showText(text)} is no ${kind.name}: give ${kind.least} to ${kind.most}${words}`)
}

function stepOf(text: string, at: number, kind: FieldKind): number {
  const step = /^\d{1,4}$/.test(text) ? Number(text) : 0
  const most = kind.most - kind.least + 1
  if (step >= 1 && step <= most) return step
  throw new SyntaxFlaw(
    at,
    `the step ${showText(text)} of the ${kind.name} must be 1 to ${most}; for other lengths of time there is @every`,
  )
}

export function wrapped(number: number, kind: FieldKind): number {
  return kind.wraps === true && number > kind.most ? kind.least : number
}
