import type { JobPage } from '../core/job-page.ts'
import type { Job } from '../core/job.ts'
import type { Command } from 'commander'
import type { CommandContext } from './command.ts'
import { plainText } from './plain-text.ts'
import { shownTime } from './shown-time.ts'
import { tableLines } from './table.ts'
import type { Terminal } from './terminal.ts'

/** The options of a page of jobs. */
export function addPageFlags(command: Command): Command {
  return command
    .option('--limit <number>', 'jobs to list, 1 to 1000 (default: 100)')
    .option('--after <cursor>', 'the next page: `next` of the one before')
}

/** A page of jobs, as the commands print it that list some. */
export function tellJobPage(page: JobPage, { terminal, isJson }: CommandContext): void {
  const { jobs, next, scanned } = page
  if (isJson) {
    terminal.say(JSON.stringify({ jobs, next: next ?? null, scanned }))
    return
  }
  if (jobs.length > 0) for (const line of jobLines(jobs, terminal)) terminal.say(line)
  else terminal.say(next === undefined ? 'No job fits.' : `None of the ${scanned} latest jobs fits.`)
  if (next !== undefined) terminal.say(`There may be more: --after ${next}`)
}

const STYLES = {
  scheduled: 'dim',
  ready: 'cyan',
  running: 'yellow',
  completed: 'green',
  dead: 'red',
  cancelled: 'dim',
} as const

export function shownState({ state }: Pick<Job, 'state'>, terminal: Terminal): string {
  return terminal.paint(STYLES[state], state)
}

function jobLines(jobs: readonly Job[], terminal: Terminal): readonly string[] {
  const rows = jobs.map((job) => [
    job.id,
    shownState(job, terminal),
    job.task,
    job.queue,
    `${job.attempt}/${job.maxAttempts}`,
    shownTime(job.finishedAt ?? job.scheduledAt),
    plainText(job.errors.at(-1)?.message.split('\n')[0] ?? ''),
  ])
  return tableLines(terminal, ['id', 'state', 'task', 'queue', 'attempt', 'due or over', 'last error'], rows)
}
