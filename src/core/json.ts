export type JsonPrimitive = string | number | boolean | null
export type JsonArray = readonly Json[]
export interface JsonObject {
  readonly [key: string]: Json
}
/** A value that JSON can carry there and back. */
export type Json = JsonPrimitive | JsonArray | JsonObject
