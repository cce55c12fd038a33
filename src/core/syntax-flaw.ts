/** Where in a text something is that cannot be read, and why. Caught where the text came in, and told with its place. */
export class SyntaxFlaw extends Error {
  /** Characters before it. */
  readonly at: number

  constructor(at: number, why: string) {
    super(why)
    this.at = at
  }
}
