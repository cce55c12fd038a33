import { setTimeout as delay } from 'node:timers/promises'
import type { KongTask } from '../../client/client.ts'
import { parsePositiveDuration } from '../../core/duration.ts'
import { KongTaskError } from '../../core/errors.ts'
import type { FlowMark } from '../../core/flow.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { topFrame } from '../top-frame.ts'
import { lookAt, type TopLook } from '../top-look.ts'
import { wholeNumber } from '../whole-number.ts'
import { withClient } from '../with-client.ts'

export const top: Declare = (program, perform) => {
  const command = program
    .command('top')
    .description(
      'Shows what is in the queues, for how long the oldest ready job has been due, what goes through per second since the ' +
        'frame before, by queue and task, and what the processes are at, anew every 2 seconds until Ctrl-C. Without a ' +
        'terminal, once.',
    )
    .option('--once', 'show it once, and end: without rates, as there is no frame before')
    .option('--frames <number>', 'show so many frames, and end')
    .option('--interval <duration>', 'from one frame to the next (default: 2s)')
  addProjectOptions(command).addHelpText(
    'after',
    `
With --json it prints one JSON object for each frame, a line each.

Exit codes: 0 it was shown, also where Ctrl-C ended it; 1, 2 as ever.

Examples:
  $ kongtask top
  $ kongtask top --once --json
  $ kongtask top --frames 2 --interval 10s --json | tail -1 | jq .rates`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { terminal, isJson, signal } = context
  const { interval, frames } = readFrames(given, context)
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    const looks = looksAt(kong, { interval, frames, signal })
    if (isJson) for await (const look of looks) terminal.say(JSON.stringify(look))
    else if (!terminal.isInteractive || frames === 1)
      for await (const look of looks) for (const line of topFrame(look, terminal)) terminal.say(line)
    else await live(looks, context)
    return EXIT.done
  })
}

const DEFAULT_INTERVAL = '2s'

interface Frames {
  /** Milliseconds. */
  readonly interval: number
  /** Infinity: until it is ended. */
  readonly frames: number
}

/** @throws KT_USAGE_INVALID, KT_OPTION_INVALID, KT_DURATION_INVALID */
function readFrames(
  given: Parameters<Action>[0],
  { terminal, isJson }: Pick<CommandContext, 'terminal' | 'isJson'>,
): Frames {
  const interval = parsePositiveDuration(given['interval'] ?? DEFAULT_INTERVAL, 'interval')
  const frames = wholeNumber(given['frames'], 'frames')
  if (frames === 0) throw new KongTaskError('KT_OPTION_INVALID', '`frames` must be at least 1.')
  if (given['once'] !== true)
    return { interval, frames: frames ?? (isJson || !terminal.isInteractive ? 1 : Infinity) }
  if (frames === undefined) return { interval, frames: 1 }
  throw new KongTaskError('KT_USAGE_INVALID', 'Give --once or --frames; one of the two.')
}

/** One look after the other, until all are had or it is ended. */
async function* looksAt(
  kong: KongTask,
  { interval, frames, signal }: Frames & { readonly signal: AbortSignal },
): AsyncGenerator<TopLook, void> {
  let before: FlowMark | undefined
  for (let frame = 1; frame <= frames && !signal.aborted; frame++) {
    const { look, mark } = await lookAt(kong, before)
    before = mark
    yield look
    if (frame < frames) await delay(interval, undefined, { signal }).catch(() => undefined)
  }
}

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const ANEW = '\u001b[H\u001b[2J'

/** On the alternate screen, so that the terminal is afterwards as it was. */
async function live(looks: AsyncIterable<TopLook>, { terminal }: CommandContext): Promise<void> {
  const leave = (): void => terminal.draw(LEAVE)
  // A second Ctrl-C ends the process at once.
  process.once('exit', leave)
  terminal.draw(ENTER)
  try {
    for await (const look of looks) terminal.draw(ANEW + topFrame(look, terminal).join('\r\n'))
  } finally {
    process.off('exit', leave)
    leave()
  }
}
