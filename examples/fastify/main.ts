// `npm start` is web server and worker in one process; `npm start web` and `npm start work` are one of them each.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import { Pool } from 'pg'
import { createTables } from './database.ts'
import { buildServer } from './server.ts'
import { startWorker } from './worker.ts'

const parts = process.argv.length > 2 ? process.argv.slice(2) : ['web', 'work']
const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])

// A PostgreSQL of its own, which processes of this folder share, unless DATABASE_URL names one.
const given = process.env['DATABASE_URL']
const dataDir = fileURLToPath(new URL('.kongtask/postgres', import.meta.url))
const postgres = given === undefined ? await startPostgres({ dataDir }) : undefined
const pool = new Pool({ connectionString: given ?? postgres?.connectionString })
const kong = new KongTask({ pool })
await kong.migrate()
await createTables(pool)

const worker = parts.includes('work') ? await startWorker({ pool }) : undefined
const server = parts.includes('web') ? buildServer({ pool, kong, logger: true }) : undefined
const url = await server?.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) })
if (url !== undefined) {
  const user = `'{"email": "ada@example.org", "name": "Ada"}'`
  console.log(`\nTry: curl ${url}/register -H 'content-type: application/json' -d ${user}\n`)
}

await stopped
await server?.close()
await worker?.stop()
await kong.close()
await pool.end()
await postgres?.stop()
