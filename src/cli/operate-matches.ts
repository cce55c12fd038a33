// One way for every verb over all jobs that fit: count, ask, do, with a bar; and one over a single job.
import type { Command } from 'commander'
import type { BulkOptions, BulkResult } from '../core/bulk.ts'
import type { Job } from '../core/job.ts'
import type { CommandContext, GivenOptions } from './command.ts'
import { checkCanConfirm, confirm } from './confirm.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { shownState } from './job-table.ts'
import { progressBar } from './progress-bar.ts'

/** How a verb is called: `cancel`, `cancelled`. */
export interface VerbWords {
  readonly verb: string
  readonly done: string
  /** What it is about: `job`, `dead letter`. */
  readonly noun: string
}

export const MATCHES_HELP = `
With an id it is about that job. With filters it is about all jobs that fit: it says how many, and asks; --yes answers, and
has to where nobody sits at a terminal. Ctrl-C stops it between two batches; what is done stays done.

Exit codes: 0 done, also where no job fits; 1 it was not confirmed, or could not be done; 2, 130 as ever.`

export function addMatchFlags(command: Command): Command {
  return command
    .option('--yes', 'do it without asking')
    .option('--dry-run', 'change nothing, and say how many jobs fit')
}

/** @param perform the verb over all that fit */
export async function operateOnMatches(
  words: VerbWords,
  perform: (options: BulkOptions) => Promise<BulkResult>,
  given: GivenOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal, isJson } = context
  const { verb, done, noun } = words
  if (given['dryRun'] === true) {
    const fitting = await count(perform, context)
    if (isJson) terminal.say(JSON.stringify({ verb, dryRun: true, ...fitting }))
    else terminal.say(`${shownCount(fitting, noun)} would be ${done}. Nothing was changed.`)
    return EXIT.done
  }
  checkCanConfirm(`${capital(verb)} every ${noun} that fits?`, given, context)
  const counted = given['yes'] === true && !terminal.isInteractive ? undefined : await count(perform, context)
  if (counted !== undefined) {
    if (counted.matched === 0 && counted.complete) return tellResult(words, counted, context)
    const question = `${capital(verb)} ${shownCount(counted, noun)}?`
    if (!(await untilInterrupted(confirm(question, given, context), signal))) {
      terminal.tell('Nothing was changed.')
      return EXIT.failed
    }
  }
  const onBatch = ({ changed, matched }: BulkResult): void => {
    const total = counted?.complete === true ? Math.max(counted.matched, matched) : undefined
    terminal.progress(total === undefined ? `${changed} ${done}` : progressBar(done, changed, total))
  }
  return tellResult(words, await perform({ signal, onBatch }), context)
}

function tellResult(words: VerbWords, result: BulkResult, { terminal, isJson }: CommandContext): ExitCode {
  if (isJson) terminal.say(JSON.stringify({ verb: words.verb, dryRun: false, ...result }))
  else terminal.say(sentence(words, result))
  return EXIT.done
}

/** A single job as it is after a verb. */
export function tellOperated({ done }: VerbWords, job: Job, { terminal, isJson }: CommandContext): ExitCode {
  const isTold = done === 'cancelled' && job.state === 'running'
  if (isJson) terminal.say(JSON.stringify(job))
  else if (isTold) terminal.say(`${job.task} ${job.id} runs, and was told to stop.`)
  else if (done === 'deleted' || done === 'purged') terminal.say(`${job.task} ${job.id} ${done}.`)
  else terminal.say(`${job.task} ${job.id} is ${shownState(job, terminal)} now.`)
  return EXIT.done
}

function count(
  perform: (options: BulkOptions) => Promise<BulkResult>,
  { terminal, signal }: CommandContext,
): Promise<BulkResult> {
  terminal.progress('counting')
  return perform({ dryRun: true, signal })
}

function sentence({ done, noun }: VerbWords, { matched, changed, conflicts, skipped }: BulkResult): string {
  if (matched === 0) return `No ${noun} fits.`
  const rest = [
    ...(conflicts > 0 ? [`${conflicts} kept back: another job has their unique key`] : []),
    ...(skipped > 0 ? [`${skipped} changed meanwhile, and were left alone`] : []),
  ]
  return `${[`${plural(changed, noun)} ${done}`, ...rest].join('; ')}.`
}

function shownCount({ matched, complete }: BulkResult, noun: string): string {
  return `${complete ? '' : 'at least '}${plural(matched, noun)}`
}

function plural(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

/** Nobody who pressed Ctrl-C answers any more. @throws the signal's reason */
function untilInterrupted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => {
      const reason: unknown = signal.reason
      reject(reason instanceof Error ? reason : new Error(String(reason)))
    }
    if (signal.aborted) give()
    signal.addEventListener('abort', give, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', give))
  })
}
