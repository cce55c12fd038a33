const BRANDS: unique symbol = Symbol.for('kongtask.brands')

/**
 * An error class whose `instanceof` still holds when two copies of the package are loaded in one process
 * (a linked package, a bundle beside node_modules). Each of our classes names itself in `brand`.
 */
export abstract class BrandedError extends Error {
  static readonly brand: string = 'BrandedError'
  readonly [BRANDS]: readonly string[]

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this[BRANDS] = brandsOf(new.target)
    // Not enumerable: an error printed by a logger shows code and cause, not our bookkeeping.
    Object.defineProperty(this, BRANDS, { enumerable: false })
    Object.defineProperty(this, 'name', {
      value: new.target.name,
      enumerable: false,
      configurable: true,
      writable: true,
    })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // A user's own subclass has no brand of its own and keeps the ordinary meaning.
    if (!Object.hasOwn(this, 'brand')) return Function.prototype[Symbol.hasInstance].call(this, value)
    if (typeof value !== 'object' || value === null || !(BRANDS in value)) return false
    const brands = value[BRANDS]
    return Array.isArray(brands) && brands.includes(this.brand)
  }
}

function brandsOf(constructor: unknown): string[] {
  const brands: string[] = []
  let link: unknown = constructor
  while (typeof link === 'function') {
    const own = Object.getOwnPropertyDescriptor(link, 'brand')?.value
    if (typeof own === 'string') brands.push(own)
    link = Object.getPrototypeOf(link)
  }
  return brands
}
