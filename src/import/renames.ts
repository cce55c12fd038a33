import { KongTaskError } from '../core/errors.ts'
import { showText } from '../core/show-value.ts'

/** New names for what is called otherwise here, by `old=new`. Remembers which of them were of use. */
export class Renames {
  readonly #names: ReadonlyMap<string, string>
  readonly #unused: Set<string>

  constructor(names: ReadonlyMap<string, string>) {
    this.#names = names
    this.#unused = new Set(names.keys())
  }

  /** @throws KT_USAGE_INVALID @param flag `--task` */
  static read(given: readonly string[], flag: string): Renames {
    return new Renames(new Map(given.map((text) => readPair(text, flag))))
  }

  /** The new name of the first of these that has one. */
  of(...names: readonly (string | undefined)[]): string | undefined {
    for (const name of names) {
      const renamed = name === undefined ? undefined : this.#names.get(name)
      if (name === undefined || renamed === undefined) continue
      this.#unused.delete(name)
      return renamed
    }
    return undefined
  }

  get unused(): readonly string[] {
    return [...this.#unused]
  }
}

/** Names may hold `=`, new ones cannot. */
function readPair(text: string, flag: string): [old: string, renamed: string] {
  const at = text.lastIndexOf('=')
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)]
  throw new KongTaskError('KT_USAGE_INVALID', `${flag} takes old=new, not ${showText(text)}.`)
}
