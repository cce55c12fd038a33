// What a migrated PGlite looks like, in a file among what tools keep for themselves.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, sep } from 'node:path'
import { migrations } from '../store/migrations.generated.ts'

const PACKAGE = '@electric-sql/pglite'
/** An image holds days of history for two weeks ahead. Milliseconds. */
const OLDEST = 7 * 86_400_000

/** Where PGlite is that this process loads. */
export function pgliteEntry(): string {
  return createRequire(import.meta.url).resolve(PACKAGE)
}

/**
 * Beside the package, wherever a workspace has put it; undefined where there is no such place.
 *
 * @param entry a file of the package
 */
export async function imageFile(entry: () => string): Promise<string | undefined> {
  try {
    const inside = join(sep, 'node_modules', PACKAGE, sep)
    const file = entry()
    const at = file.lastIndexOf(inside)
    if (at < 0) return undefined
    const packages = join(file.slice(0, at), 'node_modules')
    const version = createHash('sha256').update(JSON.stringify(migrations))
    version.update(await readFile(join(packages, PACKAGE, 'package.json')))
    const folder = join(packages, '.cache/kongtask')
    await mkdir(folder, { recursive: true })
    return join(folder, `pglite-${version.digest('hex').slice(0, 16)}.tar`)
  } catch {
    return undefined
  }
}

export async function readImage(file: string | undefined): Promise<Blob | undefined> {
  try {
    if (file === undefined || Date.now() - (await stat(file)).mtimeMs > OLDEST) return undefined
    return new Blob([await readFile(file)])
  } catch {
    return undefined
  }
}

/** Whole or not at all, whoever else writes it, and in place of those of other versions. A disk that is full costs time only. */
export async function writeImage(file: string, image: Blob): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, Buffer.from(await image.arrayBuffer()))
    await rename(draft, file)
    await removeOthers(file)
  } catch {
    await rm(draft, { force: true }).catch(() => undefined)
  }
}

/** Drafts of whoever is writing at this moment stay. */
async function removeOthers(file: string): Promise<void> {
  const folder = dirname(file)
  const names = await readdir(folder)
  const others = names.filter((name) => /^pglite-\w+\.tar$/.test(name) && name !== basename(file))
  await Promise.all(others.map((name) => rm(join(folder, name), { force: true })))
}
