// PGlite in memory, with KongTask's tables. To make one takes seconds: instances are used one after the other, and what a
// migrated one looks like is kept in a file for the next process.
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as Pglite from '@electric-sql/pglite'
import { KongTaskError } from '../core/errors.ts'
import { migrations } from '../store/migrations.generated.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { createStore } from '../store/store.ts'
import { atTimeOf, type Ahead } from './moved-date.ts'
import { OneSession } from './one-session.ts'
import { sessionPool } from './pglite-client.ts'

export const PGLITE_SCHEMA = 'kongtask'

/** PGlite asks `Date` what time it is. A kit moves the time that jobs live by; that of the server goes on as it is. */
const WALL: Ahead = { ahead: 0 }

/** Milliseconds for a statement while tables are made. */
const DEADLINE = 60_000
/** An image holds days of history for two weeks ahead. Milliseconds. */
const OLDEST_IMAGE = 7 * 86_400_000

export interface PgliteServer {
  readonly session: OneSession
}

const idle: PgliteServer[] = []

/** One that nobody uses, else a new one. Give it back empty. */
export async function takePglite(): Promise<PgliteServer> {
  return idle.pop() ?? startPglite()
}

export function giveBackPglite(server: PgliteServer): void {
  idle.push(server)
}

async function startPglite(): Promise<PgliteServer> {
  const { PGlite } = await loadPglite()
  const file = await imageFile()
  const image = await readImage(file)
  if (image !== undefined) {
    return { session: sessionOf(await quietly(() => PGlite.create({ loadDataDir: image }))) }
  }
  const database = await quietly(() => PGlite.create())
  const session = sessionOf(database)
  const pool = sessionPool(session, 1)
  await createStore(pgDatabase(pool, DEADLINE), PGLITE_SCHEMA).migrate()
  await pool.end()
  if (file !== undefined) await writeImage(file, await database.dumpDataDir('none'))
  return { session }
}

function sessionOf(database: Pglite.PGlite): OneSession {
  // In memory there is nothing to bring to a disk.
  return new OneSession((message) =>
    atTimeOf(WALL, () => database.execProtocolRaw(message, { syncToFs: false })),
  )
}

async function loadPglite(): Promise<typeof Pglite> {
  try {
    return await import('@electric-sql/pglite')
  } catch (cause) {
    throw new KongTaskError(
      'KT_PGLITE_NOT_FOUND',
      'createTestKongTask needs the package `@electric-sql/pglite`, or a server: npm install --save-dev @electric-sql/pglite, or createTestKongTask({ connectionString }).',
      { cause },
    )
  }
}

/** Among what tools keep for themselves; undefined where there is no such place. */
async function imageFile(): Promise<string | undefined> {
  const packages = join(process.cwd(), 'node_modules')
  try {
    await stat(packages)
    const version = createHash('sha256').update(JSON.stringify(migrations))
    version.update(await readFile(join(packages, '@electric-sql/pglite/package.json')))
    const folder = join(packages, '.cache/kongtask')
    await mkdir(folder, { recursive: true })
    return join(folder, `pglite-${version.digest('hex').slice(0, 16)}.tar`)
  } catch {
    return undefined
  }
}

async function readImage(file: string | undefined): Promise<Blob | undefined> {
  try {
    if (file === undefined || Date.now() - (await stat(file)).mtimeMs > OLDEST_IMAGE) return undefined
    return new Blob([await readFile(file)])
  } catch {
    return undefined
  }
}

/** Whole or not at all, whoever else writes it. A disk that is full costs time only. */
async function writeImage(file: string, image: Blob): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, Buffer.from(await image.arrayBuffer()))
    await rename(draft, file)
  } catch {
    await rm(draft, { force: true }).catch(() => undefined)
  }
}

const starting = new AsyncLocalStorage<true>()

/** PGlite starts timers that it does not stop, of ten seconds; a process that has done its tests must not wait for them. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type !== 'Timeout' || starting.getStore() !== true) return
      if ('unref' in resource && typeof resource.unref === 'function') resource.unref()
    },
  })
  hook.enable()
  try {
    return await atTimeOf(WALL, () => starting.run(true, work))
  } finally {
    hook.disable()
  }
}
