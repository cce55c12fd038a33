// Run as a process of its own by owner.ts: starts a server with the options in its argument, says what it got on a
// line, and then obeys what it reads: `stop` ends it in order, `exit` without a stop().
import { createInterface } from 'node:readline'
import { startPostgres } from '../../src/embedded/embedded.ts'

const server = await startPostgres(JSON.parse(process.argv[2] ?? '{}'))
const { connectionString, dataDir, source, version } = server
process.stdout.write(`${JSON.stringify({ connectionString, dataDir, source, version })}\n`)

for await (const order of createInterface(process.stdin)) {
  if (order === 'exit') process.exit(0)
  if (order === 'stop') break
}
await server.stop()
process.stdin.destroy()
