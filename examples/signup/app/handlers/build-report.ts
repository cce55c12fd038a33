import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { handle, PermanentError, type HandledTask } from 'kongtask'
import { buildReport } from '../tasks.ts'

/** What a report says about one group of rows. */
export interface ReportGroup {
  rows: number
  total: number
}

const ROWS_BETWEEN_PROGRESS = 1_000

export function reportBuilder({ datasets }: { readonly datasets: string }): HandledTask {
  return handle(buildReport, async ({ reportId, dataset, groupBy, sumOf }, ctx) => {
    const file = join(datasets, `${dataset}.csv`)
    const { size } = await stat(file)
    const source = createReadStream(file)
    const groups = new Map<string, ReportGroup>()
    let count = 0

    const summarise = async (rows: AsyncIterable<Record<string, string>>): Promise<void> => {
      for await (const row of rows) {
        const group = groupOf(groups, columnOf(row, groupBy, dataset))
        group.rows += 1
        group.total += sumOf === undefined ? 0 : Number(columnOf(row, sumOf, dataset))
        count += 1
        if (count % ROWS_BETWEEN_PROGRESS === 0)
          ctx.progress(source.bytesRead, size, `${dataset}: ${count} rows`)
      }
    }
    // With the signal a shutdown or a timeout ends the stream in the middle of the file.
    await pipeline(source, parse({ columns: true, bom: true }), summarise, { signal: ctx.signal })
    ctx.progress(size, size, `${dataset}: ${count} rows`)

    // All of it at once and by its key, so that a second attempt writes the same again.
    await ctx.pool.query('update app.reports set rows = $2, groups = $3, finished_at = now() where id = $1', [
      reportId,
      count,
      JSON.stringify(Object.fromEntries(groups)),
    ])
    ctx.logger.info('Report built', { reportId, dataset, rows: count, groups: groups.size })
    return { rows: count, groups: groups.size }
  })
}

function groupOf(groups: Map<string, ReportGroup>, name: string): ReportGroup {
  const known = groups.get(name)
  if (known !== undefined) return known
  const group = { rows: 0, total: 0 }
  groups.set(name, group)
  return group
}

function columnOf(row: Record<string, string>, column: string, dataset: string): string {
  const value = row[column]
  if (value === undefined) throw new PermanentError(`${dataset}.csv has no column "${column}"`)
  return value
}
