/** Something that refuses a stale, doubled or dead actor, and the test that holds it. */
export interface Fence {
  readonly name: string
  /** What happens where it is missing. */
  readonly against: string
  readonly cuts: readonly Cut[]
  readonly test: FenceTest
  /** The model of a job's life (npm run model) finds it, too. */
  readonly inModel?: true
}

/** Without it the code still runs. */
export interface Cut {
  readonly file: string
  /** Found there exactly once. */
  readonly text: string
  readonly instead: string
}

export interface FenceTest {
  readonly file: string
  /** As it is written there; of one for several cases, with its placeholders. */
  readonly name: string
}

/** What of its name vitest's `-t` is given: up to the first placeholder, which it has filled in. */
export function patternOf({ name }: FenceTest): string {
  const literal = name.split(/%[sdij]|\$\w/)[0] ?? name
  return literal.trim().replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
}

/**
 * The file without the fence.
 *
 * @throws where what is to be cut is not there exactly once
 */
export function without(source: string, { file, text, instead }: Cut): string {
  const times = source.split(text).length - 1
  if (times !== 1) throw new Error(`${file}: what is to be cut is there ${times} times:\n${text}`)
  return source.replace(text, () => instead)
}
