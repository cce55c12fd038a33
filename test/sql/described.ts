import type { Client, Connection, Submittable } from 'pg'

/** What the server says of a statement without running it: type numbers. */
export interface Description {
  readonly parameters: readonly number[]
  readonly columns: readonly { readonly name: string; readonly type: number }[]
}

/** Parses and describes, and that is all. */
class Describing implements Submittable {
  readonly description: Promise<Description>
  readonly #text: string
  #parameters: readonly number[] = []
  #columns: Description['columns'] = []
  #failed: unknown
  #resolve: (description: Description) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(text: string) {
    this.#text = text
    this.description = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    connection.once('parameterDescription', ({ dataTypeIDs }: { dataTypeIDs: number[] }) => {
      this.#parameters = dataTypeIDs
    })
    connection.parse({ name: '', text: this.#text, types: [] }, true)
    connection.describe({ type: 'S', name: '' }, true)
    connection.sync()
  }

  // Called by the client for what the server answers.
  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }))
  }

  handleError(error: unknown): void {
    this.#failed = error
  }

  handleReadyForQuery(): void {
    if (this.#failed === undefined) this.#resolve({ parameters: this.#parameters, columns: this.#columns })
    else this.#reject(this.#failed)
  }
}

export function describeStatement(client: Client, text: string): Promise<Description> {
  return client.query(new Describing(text)).description
}
