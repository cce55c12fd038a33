// The words that checks are made of.

export interface Check {
  /** The promise, as a sentence. */
  readonly title: string
  /** How it was broken, each a sentence that names what is missing; empty where it was kept. */
  readonly problems: readonly string[]
}

export interface User {
  readonly id: string
  readonly email: string
  /** The picture that came with the request that was taken. */
  readonly avatar: string
}

export interface Order {
  readonly id: string
  readonly product: string
  readonly quantity: number
  readonly carrier: string
  readonly status: string
  readonly shipments: number
}
