// PGlite in memory, with KongTask's tables. To make one takes seconds: instances are used one after the other, and what a
// migrated one looks like is kept in a file for the next process (pglite-image.ts).
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import type * as Pglite from '@electric-sql/pglite'
import { KongTaskError } from '../core/errors.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { createStore } from '../store/store.ts'
import { atTimeOf, type Ahead } from './moved-date.ts'
import { OneSession } from './one-session.ts'
import { imageFile, pgliteEntry, readImage, writeImage } from './pglite-image.ts'
import { sessionPool } from './pglite-client.ts'

export const PGLITE_SCHEMA = 'kongtask'

/** PGlite asks `Date` what time it is. A kit moves the time that jobs live by; that of the server goes on as it is. */
const WALL: Ahead = { ahead: 0 }

/** Milliseconds for a statement while tables are made. */
const DEADLINE = 60_000

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
  const file = await imageFile(pgliteEntry)
  const image = await readImage(file)
  const loaded = image && (await fromImage(image))
  if (loaded !== undefined) return { session: sessionOf(loaded) }
  const database = await quietly(() => PGlite.create())
  const session = sessionOf(database)
  const pool = sessionPool(session, 1)
  await createStore(pgDatabase(pool, DEADLINE), PGLITE_SCHEMA).migrate()
  await pool.end()
  if (file !== undefined) await writeImage(file, await database.dumpDataDir('none'))
  return { session }
}

/** Undefined where the image is broken, which costs time only. */
export async function fromImage(image: Blob): Promise<Pglite.PGlite | undefined> {
  const { PGlite } = await loadPglite()
  return quietly(() => PGlite.create({ loadDataDir: image })).catch(() => undefined)
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
