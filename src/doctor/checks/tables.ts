import { examineTables, type TableState } from '../../store/examine.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'
import { psql } from '../shell.ts'

/** So many times what calls autovacuum: then it does not come, or does not get on. */
const OVERDUE = 2
/** Dead rows that nobody notices, however small the table. */
const FEW = 1_000
/** Bytes of a table below which nobody minds empty space. */
const SMALL = 256 * 1024 * 1024
/** Bytes of a table for each of its rows; none is as large, as what is long lies elsewhere. */
const MOST_PER_ROW = 16 * 1024

/** Dead rows and size of the tables that change all the time, and whether autovacuum minds them. */
export async function checkTables({ db, schema, server }: Patient): Promise<readonly Finding[]> {
  const tables = await examineTables(db, schema)
  const off = [
    ...(server.hasAutovacuum ? [] : ['autovacuum']),
    ...(server.isCounting ? [] : ['track_counts']),
  ].map((setting) =>
    finding('tables', 'autovacuum_off', `Autovacuum does not run: ${setting} is off.`, {
      remedy: 'Switch it on. Without it each claim has more and more dead rows to pass.',
      command: psql(`alter system set ${setting} = on`, 'select pg_reload_conf()'),
    }),
  )
  const found = [...off, ...tables.flatMap((table) => judgeTable(table))]
  return found.length > 0 ? found : [sound(tables)]
}

export function judgeTable(table: TableState): readonly Finding[] {
  const { name, live, dead, heap, due, isMinded, vacuumedAt } = table
  const last =
    vacuumedAt === undefined
      ? 'It was never vacuumed'
      : `It was last vacuumed at ${vacuumedAt.toISOString().slice(0, 19)}Z`
  const found: Finding[] = []
  if (!isMinded)
    found.push(
      finding('tables', 'table_not_vacuumed', `Autovacuum is switched off for the table ${name}.`, {
        remedy: 'Let it come again.',
        command: psql(table.mind),
      }),
    )
  if (dead > Math.max(due * OVERDUE, FEW))
    found.push(
      finding(
        'tables',
        'table_dead_rows',
        `The table ${name} has ${dead} dead rows beside ${live} that live; ${due} call autovacuum. ${last}.`,
        {
          remedy: 'Vacuum it; if that does not help, see who holds vacuum back.',
          command: psql(table.vacuum),
        },
      ),
    )
  if (heap > SMALL && heap > live * MOST_PER_ROW)
    found.push(
      finding(
        'tables',
        'table_large',
        `The table ${name} takes ${shownBytes(heap)} for ${live} rows. What is empty is used again. ${last}.`,
        {
          remedy:
            'Where the disk needs the space, rewrite it while no worker runs: it is locked for so long.',
          command: psql(table.shrink),
        },
      ),
    )
  return found
}

function sound(tables: readonly TableState[]): Finding {
  const sum = (of: (table: TableState) => number): number =>
    tables.reduce((total, table) => total + of(table), 0)
  const [largest] = tables
  const most = largest === undefined ? '' : `; the largest is ${largest.name}, ${shownBytes(largest.bytes)}`
  const what = `The tables that change most take ${shownBytes(sum(({ bytes }) => bytes))}${most}; ${sum(({ dead }) => dead)} rows of theirs are dead.`
  return finding('tables', 'tables_sound', what)
}

function shownBytes(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB']
  let size = bytes / 1024
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit] ?? ''}`
}
