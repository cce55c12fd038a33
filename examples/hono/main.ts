// `npm start` is web server and worker in one process; `npm start web` and `npm start work` are one of them each.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import { Pool } from 'pg'
import { buildApp } from './app.ts'
import { createTables } from './database.ts'
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
const { fetch } = buildApp({ pool, kong })
const port = Number(process.env['PORT'] ?? 3000)
const server = parts.includes('web')
  ? serve({ fetch, hostname: '127.0.0.1', port }, (address) => {
      const user = `'{"email": "ada@example.org", "name": "Ada"}'`
      const url = `http://127.0.0.1:${address.port}`
      console.log(`\nTry: curl ${url}/register -H 'content-type: application/json' -d ${user}\n`)
    })
  : undefined

await stopped
if (server !== undefined) await new Promise((resolve) => server.close(resolve))
await worker?.stop()
await kong.close()
await pool.end()
await postgres?.stop()
