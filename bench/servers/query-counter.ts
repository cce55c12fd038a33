import { connect, createServer, type Server, type Socket } from 'node:net'

const QUERY = 'Q'.charCodeAt(0)
const EXECUTE = 'E'.charCodeAt(0)
/** Bytes of a message's head: what it is, and how long, not counting that first byte. */
const HEAD = 5

/**
 * A way to the server that counts what clients ask it: statements, of either protocol. The server's own count of transactions
 * has those of autovacuum, too. And on which nobody can listen, if so wished: a runner's listener is let through or not.
 */
export class QueryCounter implements AsyncDisposable {
  readonly connectionString: string
  readonly #server: Server
  readonly #counted: Counted

  private constructor(server: Server, connectionString: string, counted: Counted) {
    this.#server = server
    this.connectionString = connectionString
    this.#counted = counted
  }

  static async open(
    connectionString: string,
    { listens }: { readonly listens: boolean },
  ): Promise<QueryCounter> {
    const url = new URL(connectionString)
    const target = { port: Number(url.port || '5432'), host: url.hostname }
    const counted: Counted = { queries: 0 }
    const server = createServer((near) => {
      // The first thing that a client says has the name by which it goes.
      near.once('data', (start: Buffer) => {
        if (!listens && start.includes('kongtask listener')) near.destroy()
        else pass(near, start, connect(target), counted)
      })
      near.on('error', () => near.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('The proxy has no port.')
    url.hostname = '127.0.0.1'
    url.port = `${address.port}`
    return new QueryCounter(server, url.href, counted)
  }

  get queries(): number {
    return this.#counted.queries
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

interface Counted {
  queries: number
}

function pass(near: Socket, start: Buffer, far: Socket, counted: Counted): void {
  far.write(start)
  count(near, counted)
  near.pipe(far).pipe(near)
  far.on('error', () => near.destroy())
  near.on('close', () => far.destroy())
  far.on('close', () => near.destroy())
}

/** Messages are cut into pieces as the network likes. */
function count(near: Socket, counted: Counted): void {
  let rest = Buffer.alloc(0)
  let skip = 0
  near.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece])
    for (;;) {
      const skipped = Math.min(skip, rest.length)
      rest = rest.subarray(skipped)
      skip -= skipped
      if (skip > 0 || rest.length < HEAD) return
      if (rest[0] === QUERY || rest[0] === EXECUTE) counted.queries += 1
      skip = 1 + rest.readInt32BE(1)
    }
  })
}
