// Turns sql/ into typed constants: sql/queries/<name>.sql → statements.generated.ts, sql/migrations → migrations.generated.ts,
// sql/imports, which speak to the tables of other systems, likewise beside what imports from these.
// A query's header names each parameter (`-- :name type  meaning`) and each result column (`-- => name type`); header
// and body must agree. The files are written against the schema `kongtask.` so that they run as they are in psql.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const parameterTypes: Record<string, string> = {
  bool: 'boolean',
  float8: 'number',
  int4: 'number',
  int8: 'string',
  jsonb: 'string',
  text: 'string',
  timestamptz: 'Date',
  uuid: 'string',
  'int2[]': 'readonly number[]',
  'int4[]': 'readonly number[]',
  'int8[]': 'readonly string[]',
  'text[]': 'readonly (string | null)[]',
  'tid[]': 'readonly string[]',
}

const columnTypes: Record<string, string> = {
  bool: 'boolean',
  float8: 'number',
  int2: 'number',
  int4: 'number',
  int8: 'string',
  jsonb: 'unknown',
  text: 'string',
  tid: 'string',
  timestamptz: 'Date',
  uuid: 'string',
  'int4[]': 'readonly number[]',
  'int8[]': 'readonly string[]',
  'text[]': 'readonly string[]',
  'bool[]': 'readonly boolean[]',
  'int2[]': 'readonly number[]',
  'tid[]': 'readonly string[]',
}

interface Field {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
}

function typescriptOf(field: Field, types: Record<string, string>, file: string): string {
  const type = types[field.type]
  if (type === undefined) throw new Error(`${file}: no TypeScript type is known for "${field.type}"`)
  return field.nullable ? `${type} | null` : type
}

function fieldsOf(header: string, pattern: RegExp): Field[] {
  return [...header.matchAll(pattern)].map(([, name = '', type = '', nullable]) => ({
    name,
    type,
    nullable: nullable === '?',
  }))
}

function embedQuery(folder: string, file: string): string {
  const source = readFileSync(`${root}sql/${folder}/${file}`, 'utf8')
  const lines = source.split('\n')
  const header = lines.filter((line) => line.startsWith('--')).join('\n')
  let text = lines
    .filter((line) => !line.startsWith('--'))
    .join('\n')
    .trim()
  const parameters = fieldsOf(header, /^-- :([a-z_]+) ([a-z0-9]+(?:\[\])?)(\?)?/gm)
  const columns = fieldsOf(header, /^-- => ([a-z_]+) ([a-z0-9]+(?:\[\])?)(\?)?/gm)
  parameters.forEach((parameter, index) => {
    const used = new RegExp(`(?<![:\\w]):${parameter.name}\\b`, 'g')
    if (!used.test(text))
      throw new Error(`${file}: the header names :${parameter.name}, the body does not use it`)
    text = text.replace(used, () => `$${index + 1}::${parameter.type}`)
  })
  const stranger = /(?<![:\w]):[a-z_]+/.exec(text)
  if (stranger) throw new Error(`${file}: the body uses ${stranger[0]}, the header does not name it`)

  const name = file.replace(/\.sql$/, '')
  const constant = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const shape = (fields: readonly Field[], types: Record<string, string>): string =>
    fields.length === 0
      ? 'Record<never, never>'
      : `{ ${fields.map((f) => `readonly ${f.name}: ${typescriptOf(f, types, file)}`).join('; ')} }`
  return [
    `export const ${constant}: Statement<`,
    `  ${shape(parameters, parameterTypes)},`,
    `  ${shape(columns, columnTypes)}`,
    `> = {`,
    `  name: ${JSON.stringify(name)},`,
    `  text: ${JSON.stringify(text)},`,
    `  parameters: ${JSON.stringify(parameters.map((p) => [p.name, p.type]))},`,
    `  columns: ${JSON.stringify(columns.map((c) => [c.name, c.type]))},`,
    `}`,
  ].join('\n')
}

function sqlFiles(folder: string): string[] {
  return readdirSync(`${root}sql/${folder}`)
    .filter((file) => file.endsWith('.sql'))
    .toSorted()
}

function embedQueries(folder: string): string {
  return sqlFiles(folder)
    .map((file) => embedQuery(folder, file))
    .join('\n\n')
}

function embedMigrations(): string {
  const entries = sqlFiles('migrations').map((file, index) => {
    const sql = readFileSync(`${root}sql/migrations/${file}`, 'utf8')
    const number = Number(file.slice(0, 4))
    if (number !== index) throw new Error(`sql/migrations/${file}: expected number ${index}`)
    const breaking = sql.startsWith('--! breaking')
    return `  { number: ${number}, name: ${JSON.stringify(file.replace(/\.sql$/, ''))}, breaking: ${breaking}, sql: ${JSON.stringify(sql)} },`
  })
  return ['export const migrations: readonly Migration[] = [', ...entries, ']'].join('\n')
}

/** The generated files, path to content; the house test compares them with what is committed. */
export function generate(): ReadonlyMap<string, string> {
  const notice = '// Written by `npm run embed-sql` from sql/. Do not edit.\n'
  return new Map([
    [
      'src/store/statements.generated.ts',
      `${notice}import type { Statement } from './statement.ts'\n\n${embedQueries('queries')}\n`,
    ],
    [
      'src/import/statements.generated.ts',
      `${notice}import type { Statement } from '../store/statement.ts'\n\n${embedQueries('imports')}\n`,
    ],
    [
      'src/store/migrations.generated.ts',
      `${notice}import type { Migration } from './migration.ts'\n\n${embedMigrations()}\n`,
    ],
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, content] of generate()) writeFileSync(root + path, content)
}
