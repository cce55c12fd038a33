// npx tsx scripts/write-import-fixtures.ts: writes test/fixtures/<package>-<version>.sql, tables with jobs as these packages
// make them, for tests that do not install them. Takes pg_dump, and a server of its version (KONGTASK_POSTGRES=machine).
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startPostgres } from 'kongtask/embedded'
import pg from 'pg'
import { installSystems, seed, SYSTEMS, versionOf, type System } from './imports/systems.ts'

const execute = promisify(execFile)
const FIXTURES = fileURLToPath(new URL('../test/fixtures/', import.meta.url))
/** What holds data, and no code: their functions stay theirs. */
const KEPT =
  /^\d+; \d+ \d+ (?:SCHEMA|TYPE|TABLE|TABLE DATA|TABLE ATTACH|SEQUENCE|SEQUENCE SET|SEQUENCE OWNED BY|DEFAULT|CONSTRAINT|FK CONSTRAINT|INDEX|INDEX ATTACH) /

installSystems()
await using server = await startPostgres({ durable: false, source: 'machine' })
const folder = await mkdtemp(join(tmpdir(), 'kongtask-fixtures-'))
try {
  for (const system of SYSTEMS) await writeFixture(system)
} finally {
  await rm(folder, { recursive: true })
}

async function writeFixture(system: System): Promise<void> {
  const name = system.replace('-', '_')
  const admin = new pg.Client({ connectionString: server.connectionString })
  await admin.connect()
  await admin.query(`create database ${name}`)
  await admin.end()
  const url = new URL(server.connectionString)
  url.pathname = `/${name}`
  await seed(system, url.href)

  const dump = join(folder, name)
  await execute('pg_dump', ['-Fc', '--inserts', '--no-owner', '--no-privileges', '-f', dump, url.href])
  const { stdout: contents } = await execute('pg_restore', ['--list', dump])
  const list = join(folder, `${name}.list`)
  await writeFile(
    list,
    contents
      .split('\n')
      .filter((line) => KEPT.test(line))
      .join('\n'),
  )
  const { stdout: sql } = await execute(
    'pg_restore',
    ['--use-list', list, '--no-owner', '--no-privileges', '-f', '-', dump],
    { maxBuffer: 64 * 1024 * 1024 },
  )
  const version = versionOf(system)
  for (const file of await readdir(FIXTURES))
    if (file.startsWith(`${system}-`)) await rm(`${FIXTURES}${file}`)
  await writeFile(`${FIXTURES}${system}-${version}.sql`, `${head(system, version)}${plain(sql)}`)
}

function head(system: System, version: string): string {
  return `-- Written by scripts/write-import-fixtures.ts. Tables and rows as ${system} ${version} (MIT) made them; its functions are left out.\n`
}

/** Without comments, psql's own commands, and what a newer server would not know. */
function plain(sql: string): string {
  return sql
    .split('\n')
    .filter((line) => !/^(?:--|\\|SET (?!search_path)|SELECT pg_catalog\.set_config)/.test(line))
    .join('\n')
    .replaceAll(/\n{2,}/g, '\n')
}
