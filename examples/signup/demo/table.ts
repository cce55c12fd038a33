/** Rows as aligned lines: words to the left, numbers and what stands above them to the right. */
export function tableLines(rows: readonly (readonly (string | number)[])[]): string[] {
  const [head = []] = rows
  const columns = head.map((_, index) => {
    const cells = rows.map((row) => row[index] ?? '')
    return {
      width: Math.max(...cells.map((cell) => String(cell).length)),
      isNumeric: cells.some((cell) => typeof cell === 'number'),
    }
  })
  return rows.map((row) =>
    columns
      .map(({ width, isNumeric }, index) => {
        const cell = String(row[index] ?? '')
        return isNumeric ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('   ')
      .trimEnd(),
  )
}
