import { setTimeout as delay } from 'node:timers/promises'
import type { KongTask } from '../../client/client.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { topFrame, type TopLook } from '../top-frame.ts'
import { withClient } from '../with-client.ts'

/** Milliseconds between two looks. */
const LOOK_INTERVAL = 2_000
const COUNT_TO = 10_000
const MOST_JOBS = 100

export const top: Declare = (program, perform) => {
  const command = program
    .command('top')
    .summary('queues and workers, live in the terminal')
    .description(
      'Shows what is in the queues, for how long the oldest ready job has been due, and what the processes are at, anew ' +
        'every 2 seconds until Ctrl-C. Without a terminal, once.',
    )
    .option('--once', 'show it once, and end')
  addProjectOptions(command).addHelpText(
    'after',
    `
Exit codes: 0 it was shown, also where Ctrl-C ended it; 1, 2 as ever.

Examples:
  $ kongtask top
  $ kongtask top --once --json`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { terminal, isJson } = context
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    if (isJson) terminal.say(JSON.stringify(await lookAt(kong)))
    else if (given['once'] === true || !terminal.isInteractive)
      for (const line of topFrame(await lookAt(kong), terminal)) terminal.say(line)
    else await live(kong, context)
    return EXIT.done
  })
}

async function lookAt(kong: KongTask): Promise<TopLook> {
  const [queues, workers] = await Promise.all([
    kong.queues.list({ countTo: COUNT_TO }),
    kong.workers.list({ jobs: MOST_JOBS }),
  ])
  return { at: new Date(), queues, workers, countTo: COUNT_TO }
}

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const ANEW = '\u001b[H\u001b[2J'

/** On the alternate screen, so that the terminal is afterwards as it was. */
async function live(kong: KongTask, { terminal, signal }: CommandContext): Promise<void> {
  terminal.draw(ENTER)
  try {
    while (!signal.aborted) {
      const frame = topFrame(await lookAt(kong), terminal)
      terminal.draw(ANEW + frame.join('\r\n'))
      await delay(LOOK_INTERVAL, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    terminal.draw(LEAVE)
  }
}
