// The same sums as the report's, by other means: no stream, no CSV library, nothing shared with the application.
import { readFile } from 'node:fs/promises'

export interface ExpectedReport {
  readonly rows: number
  readonly groups: Readonly<Record<string, { readonly rows: number; readonly total: number }>>
}

export async function countCsv(file: string, groupBy: string, sumOf: string | null): Promise<ExpectedReport> {
  const text = await readFile(file, 'utf8')
  const [head = '', ...lines] = text.split(/\r?\n/).filter((line) => line !== '')
  const columns = cellsOf(head)
  const groupColumn = columns.indexOf(groupBy)
  const sumColumn = sumOf === null ? -1 : columns.indexOf(sumOf)
  const groups = new Map<string, { rows: number; total: number }>()
  for (const line of lines) {
    const cells = cellsOf(line)
    const name = cells[groupColumn] ?? ''
    const { rows, total } = groups.get(name) ?? { rows: 0, total: 0 }
    groups.set(name, { rows: rows + 1, total: total + (sumColumn === -1 ? 0 : Number(cells[sumColumn])) })
  }
  return { rows: lines.length, groups: Object.fromEntries(groups) }
}

/** Quoted cells may hold commas; none of these files has a quote or a line break within one. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}
