import type { JsonPrimitive } from './json.ts'

/** What the compiler shows where a type cannot travel as JSON. No value has this type. */
export interface NotJson<Why extends string> {
  readonly '~notJson': Why
}

/**
 * `T` itself where it can travel as JSON, with a `NotJson` in the place of what cannot: dates, functions,
 * symbols, big integers. For use as `payload: P & JsonOf<P>`, which, unlike `Json`, takes interfaces too.
 * `unknown` and `any` pass; the run-time check remains.
 */
export type JsonOf<T> = unknown extends T
  ? T
  : T extends JsonPrimitive | undefined
    ? T
    : T extends Date
      ? NotJson<'a Date arrives as a string; pass date.toISOString()'>
      : T extends bigint
        ? NotJson<'JSON has no big integers; pass a string'>
        : T extends symbol | ((...args: never) => unknown)
          ? NotJson<'functions and symbols do not survive JSON'>
          : { readonly [K in keyof T]: JsonOf<T[K]> }

/** `unknown` where `T` can travel as JSON, so that an intersection with it changes nothing. */
export type RequireJson<T> = [T] extends [JsonOf<T>]
  ? unknown
  : NotJson<'the schema takes something that JSON cannot carry, such as a Date; let it take a string and transform it'>
