import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isTypeScript } from './source-file.ts'

/**
 * A module of the user's, TypeScript too: Node reads that itself from 22.18 on; before, `tsx` does, from the project or
 * from beside us.
 *
 * @throws whatever the module throws, or Error where nothing here reads TypeScript
 */
export async function loadModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  if (isTypeScript(path)) await readTypeScript(path)
  const { href } = pathToFileURL(path)
  const loaded: Readonly<Record<string, unknown>> = await import(href)
  return esModuleOf(loaded)
}

let reading: Promise<void> | undefined

/** Once a process. */
async function readTypeScript(path: string): Promise<void> {
  if ('typescript' in process.features && Boolean(process.features.typescript)) return
  reading ??= registerTsx(path)
  try {
    await reading
  } catch (error) {
    reading = undefined
    throw error
  }
}

async function registerTsx(path: string): Promise<void> {
  const found = [path, import.meta.url].flatMap((from) => findTsx(from) ?? [])[0]
  if (found === undefined) {
    throw new Error(
      `Node ${process.versions.node} does not read TypeScript. Install tsx (npm install tsx), use Node 22.18 or later, or compile it to JavaScript.`,
    )
  }
  // Both: what is imported may be of a package whose modules are CommonJS.
  for (const api of ['./cjs/api', './esm/api']) {
    const { href } = pathToFileURL(join(dirname(found), entryOf(found, api)))
    const loaded: unknown = await import(href)
    if (isRecord(loaded) && isFunction(loaded['register'])) loaded['register']()
  }
}

function findTsx(from: string): string | undefined {
  try {
    return createRequire(from).resolve('tsx/package.json')
  } catch {
    return undefined
  }
}

/** For `import`: what `require` finds cannot tell where its parts are when something else has loaded it. */
function entryOf(packageFile: string, entry: string): string {
  const read: unknown = JSON.parse(readFileSync(packageFile, 'utf8'))
  const found = ['exports', entry, 'import', 'default'].reduce<unknown>(
    (value, key) => (isRecord(value) ? value[key] : undefined),
    read,
  )
  if (typeof found === 'string') return found
  throw new Error(`This version of tsx has no ${entry}. Install a version from 4.19 on.`)
}

function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function'
}

/** CommonJS that was compiled from an ES module keeps the exports in what Node takes for the default one. */
function esModuleOf(loaded: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const whole = loaded['default']
  return isRecord(whole) && '__esModule' in whole && whole['__esModule'] === true ? whole : loaded
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
