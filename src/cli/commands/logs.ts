import { setTimeout as delay } from 'node:timers/promises'
import type { KongTask } from '../../client/client.ts'
import { KongTaskError } from '../../core/errors.ts'
import { checkJobId } from '../../core/job-id.ts'
import type { JobLog } from '../../core/job-log.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { shownState } from '../job-table.ts'
import { plainText } from '../plain-text.ts'
import { wholeNumber } from '../whole-number.ts'
import { withClient } from '../with-client.ts'

/** Milliseconds between two looks. Lines of a running job are stored about so often. */
const LOOK_INTERVAL = 1_000
const PAGE = 1_000
/** Looks after the end: its last lines are stored within two seconds. */
const LAST_LOOKS = 3

export const logs: Declare = (program, perform) => {
  const command = program
    .command('logs')
    .argument('<job>', 'its id')
    .description(
      "Prints what a job's handlers logged, oldest first: warnings and errors, unless the runner keeps more (storeLogs).",
    )
    .option('-f, --follow', 'go on until the job is over')
    .option('--attempt <number>', 'of this attempt only')
  addProjectOptions(command).addHelpText(
    'after',
    `
With --json it prints one JSON object a line.

Exit codes: 0 all is printed (with --follow: and the job is over); 1, 2, 130 as ever.

Examples:
  $ kongtask logs 17
  $ kongtask logs -f 17 --json`,
  )
  perform(command, action)
}

const FINAL: ReadonlySet<string> = new Set(['completed', 'dead', 'cancelled'])

const action: Action = async (given, context) => {
  const { signal, terminal, isJson } = context
  const id = checkJobId(context.args[0])
  const attempt = wholeNumber(given['attempt'], 'attempt')
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    let after: string | undefined
    let task: string | undefined
    let looksLeft = LAST_LOOKS
    for (;;) {
      const job = await kong.jobs.get(id)
      const last = await tellLines(kong, id, { attempt, after }, context)
      task = job?.task ?? task
      if (task === undefined && last === undefined)
        throw new KongTaskError('KT_JOB_NOT_FOUND', `There is no job ${id} (any more), and no line of it.`)
      after = last ?? after
      // Whoever reads may have had enough.
      if (terminal.broken.aborted) return EXIT.done
      signal.throwIfAborted()
      if (given['follow'] !== true) return EXIT.done
      if (job === undefined || FINAL.has(job.state)) looksLeft--
      // A retry has brought it back.
      else looksLeft = LAST_LOOKS
      if (looksLeft === 0) {
        if (!isJson && job !== undefined) terminal.say(`${job.task} ${id} is ${shownState(job, terminal)}.`)
        else if (!isJson && task !== undefined) terminal.say(`${task} ${id} is over.`)
        return EXIT.done
      }
      await delay(LOOK_INTERVAL, undefined, { signal }).catch(() => undefined)
    }
  })
}

/** @returns the id of the last line that was printed */
async function tellLines(
  kong: KongTask,
  id: string,
  { attempt, after }: { readonly attempt: number | undefined; readonly after: string | undefined },
  context: CommandContext,
): Promise<string | undefined> {
  let last = after
  for (;;) {
    const lines = await kong.jobs.logs(id, { attempt, after: last, limit: PAGE })
    for (const line of lines) tellLine(line, context)
    last = lines.at(-1)?.id ?? last
    if (lines.length < PAGE || context.signal.aborted) return last
  }
}

const STYLES = { debug: 'dim', info: 'reset', warn: 'yellow', error: 'red' } as const

function tellLine(line: JobLog, { terminal, isJson }: CommandContext): void {
  if (isJson) {
    terminal.say(JSON.stringify(line))
    return
  }
  const { at, level, message, fields, attempt } = line
  const facts = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`
  const head = terminal.paint('dim', `${at.toISOString()} ${attempt}`)
  terminal.say(
    `${head} ${terminal.paint(STYLES[level], `${level.padEnd(5)} ${plainText(message)}`)}${terminal.paint('dim', plainText(facts))}`,
  )
}
