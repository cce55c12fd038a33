import type { ImportReport, JobNote, Outcome } from '../import/import-report.ts'
import { plainLine } from './plain-text.ts'
import { tableLines } from './table.ts'
import type { Terminal } from './terminal.ts'

/** What an import did, as lines for people. Words of the other system are others' words. */
export function importLines(report: ImportReport, terminal: Terminal): string[] {
  const { tasks, notes, schedules, hints } = report
  const rows = tasks.map(({ task, as, moved, before, left }) => [
    plainLine(task),
    as === task ? '' : plainLine(as),
    moved,
    before,
    left,
  ])
  return [
    ...(rows.length === 0
      ? []
      : tableLines(terminal, ['task', 'here', 'moved', 'came before', 'left'], rows)),
    ...notes.map(({ task, outcome, note, count, ids }) => {
      const more = count > ids.length ? ` and ${count - ids.length} more` : ''
      const which = `${count === 1 ? 'job' : `${count} jobs:`} ${ids.join(', ')}${more}`
      return `${mark(outcome, terminal)} ${plainLine(`${task}: ${note}  (${which})`)}`
    }),
    ...schedules.map(({ name, expression, outcome, notes: said }) => {
      const why = said.length === 0 ? '' : `: ${said.join('; ')}`
      return `${mark(outcome, terminal)} ${plainLine(`schedule ${name} (${expression}) ${shown(outcome)}${why}`)}`
    }),
    ...hints.map((hint) => `${terminal.paint('yellow', '!')} ${plainLine(hint)}`),
    plainLine(sentence(report)),
  ]
}

/** One job of which something is to be said, likewise. */
export function noteLine({ task, id, outcome, notes }: JobNote): string {
  return plainLine(`${task} ${id} ${outcome}: ${notes.join('; ')}`)
}

function mark(outcome: Outcome, terminal: Terminal): string {
  return outcome === 'left' ? terminal.paint('red', '✗') : terminal.paint('green', '✓')
}

function shown(outcome: Outcome): string {
  return outcome === 'before' ? 'came before' : outcome
}

function sentence({ dryRun, moved, before, left, over, source }: ImportReport): string {
  const jobs = (count: number): string => `${count} ${count === 1 ? 'job' : 'jobs'}`
  const rest = [
    ...(before > 0 ? [`${before} came before`] : []),
    ...(left > 0 ? [`${left} left`] : []),
    ...(over > 0 ? [`${over} that ${source} has given up not touched`] : []),
  ]
  const whole = [`${jobs(moved)} ${dryRun ? 'would move' : 'moved'}`, ...rest].join('; ')
  return dryRun ? `${whole}. Nothing was changed.` : `${whole}.`
}
