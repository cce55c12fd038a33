/** One step of the schema, applied once, in order. */
export interface Migration {
  readonly number: number
  readonly name: string
  /** Code that does not know this step must not work on the database once it is applied. */
  readonly breaking: boolean
  readonly sql: string
}
