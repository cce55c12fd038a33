/** Places of items taken that are kept before it is worth tidying up. */
const MOST_TAKEN = 1_024

/** First in, first out, in constant time: `Array.shift` moves everything that is left. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head >= this.#items.length) this.clear()
    else if (this.#head >= MOST_TAKEN && this.#head * 2 >= this.#items.length) this.#forgetTaken()
    return item
  }

  /** Takes the `count` that came last. */
  takeLast(count: number): T[] {
    const taken = this.#items.splice(Math.max(this.#head, this.#items.length - count))
    if (this.size === 0) this.clear()
    return taken.filter((item) => item !== undefined)
  }

  /** Takes what is meant, and leaves the rest in its order. */
  takeWhere(isMeant: (item: T) => boolean): T[] {
    const taken: T[] = []
    const left: T[] = []
    for (const item of this.drain()) (isMeant(item) ? taken : left).push(item)
    this.#items = left
    return taken
  }

  /** Takes all that is left. */
  drain(): T[] {
    const rest = this.#items.slice(this.#head).filter((item) => item !== undefined)
    this.clear()
    return rest
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }

  /** Once half of the places are empty: each item moves once on average, and a queue that never runs dry stays small. */
  #forgetTaken(): void {
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
