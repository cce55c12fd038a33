import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Installs what only these tests need, and has Prisma write its client. Says and does nothing where both are done. */
export default function setUp(): void {
  const { status: installed } = spawnSync(process.execPath, [`${root}scripts/set-up.mjs`, 'test/drivers'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (installed !== 0) throw new Error('The packages of test/drivers could not be installed.')
  const client = `${here}.kongtask/prisma/client.ts`
  const sources = [`${here}schema.prisma`, `${here}node_modules/.package-lock.json`]
  if (existsSync(client) && sources.every((file) => statSync(file).mtimeMs <= statSync(client).mtimeMs))
    return
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${here}node_modules/prisma/build/index.js`, 'generate', '--no-hints'],
    // To write a client it needs no schema engine, which it would download.
    { cwd: here, env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath }, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`Prisma could not write its client:\n${stdout}${stderr}`)
}
