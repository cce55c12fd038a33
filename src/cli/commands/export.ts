import { open, unlink } from 'node:fs/promises'
import { KongTaskError } from '../../core/errors.ts'
import { showText } from '../../core/show-value.ts'
import { exportLines } from '../../export/export.ts'
import { BrokenOutput } from '../broken-output.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { addJobFilterFlags, readJobFilterFlags } from '../job-filter-flags.ts'
import { openDatabase } from '../open-database.ts'
import { plainText } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'

export const exports: Declare = (program, perform) => {
  const command = program
    .command('export')
    .description(
      'Prints jobs as lines of JSON (docs/moving.md), those that wait unless --state or --all says otherwise, and changes ' +
        'nothing. Of each queue, what was added first comes first. Encrypted payloads stay so.',
    )
    .option('--all', 'of every state')
    .option('--output <file>', 'write to a new file (default: standard output)')
  addProjectOptions(addJobFilterFlags(command)).addHelpText(
    'after',
    `
With --output and --json the result is an object: the file, and how many jobs stand in it. Ctrl-C takes the file away.

Examples:
  $ kongtask export > jobs.ndjson
  $ kongtask export --state dead --task send_email --output dead.ndjson
  $ kongtask export --queue mail | jq -r .payload.to`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const filter = readJobFilterFlags(given)
  if (given['all'] === true && filter.state !== undefined)
    throw new KongTaskError('KT_USAGE_INVALID', 'Give --all or --state, not both.')
  const { output } = given
  const project = await readGivenProject(given, context)
  await using database = await openDatabase(project, context)
  const pages = exportLines({
    connectionString: database.connectionString,
    schema: project.settings.schema,
    filter: given['all'] === true ? { ...filter, state: EVERY } : filter,
    signal: context.signal,
  })
  if (typeof output === 'string') await writeFile(output, pages, context)
  else await print(pages, context)
  return EXIT.done
}

async function print(pages: AsyncIterable<readonly string[]>, { terminal }: CommandContext): Promise<void> {
  try {
    for await (const lines of pages) {
      const text = `${lines.join('\n')}\n`
      // A terminal would obey what stands in payloads; a file is to have them as they are.
      terminal.draw(terminal.isInteractive ? plainText(text) : text)
    }
  } catch (error) {
    // Whoever reads may have enough: `kongtask export | head`.
    if (!(error instanceof BrokenOutput) || !error.isUnread) throw error
  }
}

const EVERY = ['scheduled', 'ready', 'running', 'completed', 'dead', 'cancelled'] as const

async function writeFile(
  name: string,
  pages: AsyncIterable<readonly string[]>,
  { terminal, isJson }: CommandContext,
): Promise<void> {
  const unusable = (what: string) => (cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new KongTaskError('KT_FILE_UNUSABLE', `${showText(name)} cannot be ${what}: ${why}.`, { cause })
  }
  const file = await open(name, 'wx').catch(unusable('made'))
  let jobs = 0
  try {
    for await (const lines of pages) {
      // Not `write`, which may write a part only and says so in its answer: of a full disk only the next one tells.
      await file.appendFile(`${lines.join('\n')}\n`).catch(unusable('written'))
      jobs += lines.length
      terminal.progress(`exporting: ${jobs} jobs`)
    }
    await file.sync().catch(unusable('written'))
    await file.close()
  } catch (error) {
    // Half a file would look like a whole one.
    await file.close().catch(() => undefined)
    await unlink(name).catch(() => undefined)
    throw error
  }
  if (isJson) terminal.say(JSON.stringify({ file: name, jobs }))
  else terminal.say(`${jobs} ${jobs === 1 ? 'job' : 'jobs'} in ${name}.`)
}
