import { stripVTControlCharacters } from 'node:util'
import type { Terminal } from './terminal.ts'

/** One cell; colours may be painted in already. */
export type Cell = string | number

/**
 * Rows as lines of text, the columns as wide as their widest cell; numbers stand to the right. The last column is cut
 * where it does not fit, on a terminal only: a program that reads it wants all.
 */
export function tableLines(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => widthOf(row[column] ?? ''))),
  )
  const lineOf = (row: readonly Cell[]): string => {
    const cells = row.map((cell, column) => {
      const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)))
      return typeof cell === 'number' ? padding + String(cell) : cell + padding
    })
    return fitting(cells.join('  ').trimEnd(), terminal)
  }
  return [terminal.paint('dim', lineOf(head)), ...rows.map(lineOf)]
}

function fitting(line: string, terminal: Terminal): string {
  const plain = stripVTControlCharacters(line)
  if (!terminal.isInteractive || plain.length <= terminal.width) return line
  return `${plain.slice(0, terminal.width - 1)}…`
}

function widthOf(cell: Cell): number {
  return stripVTControlCharacters(String(cell)).length
}
