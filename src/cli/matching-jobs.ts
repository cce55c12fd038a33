// What `jobs` and `dead` have in common: a page of what fits, and a verb over one job or over all that fit.
import type { Command } from 'commander'
import type { KongTask } from '../client/client.ts'
import type { BulkOptions, BulkResult } from '../core/bulk.ts'
import type { DeadLetterFilter } from '../core/job-filter.ts'
import type { JobPage, PageOptions } from '../core/job-page.ts'
import type { Job } from '../core/job.ts'
import type { CommandContext, GivenOptions } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { addJobFilterFlags, warnOfUnknownNames } from './job-filter-flags.ts'
import { addPageFlags, tellJobPage } from './job-table.ts'
import {
  addMatchFlags,
  MATCHES_HELP,
  operateOnMatches,
  tellOperated,
  type VerbWords,
} from './operate-matches.ts'
import { addProjectOptions, readGivenProject } from './project-options.ts'
import { wholeNumber } from './whole-number.ts'
import { withClient } from './with-client.ts'

type FilterFlags = NonNullable<Parameters<typeof addJobFilterFlags>[1]>

export function addListFlags(command: Command, filters?: FilterFlags): Command {
  return addProjectOptions(addPageFlags(addJobFilterFlags(command, filters)))
}

/** @param examples command lines without the program */
export function addVerbFlags(command: Command, examples: readonly string[], filters?: FilterFlags): Command {
  const shown = examples.map((example) => `  $ kongtask ${example}`).join('\n')
  return addProjectOptions(addJobFilterFlags(addMatchFlags(command), filters)).addHelpText(
    'after',
    `${MATCHES_HELP}\n\nExamples:\n${shown}`,
  )
}

/** Prints a page of what fits. */
export async function listMatches(
  filter: DeadLetterFilter,
  list: (kong: KongTask, page: PageOptions) => Promise<JobPage>,
  given: GivenOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const limit = wholeNumber(given['limit'])
  const after = typeof given['after'] === 'string' ? given['after'] : undefined
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    await warnOfUnknownNames(filter, kong, context.terminal)
    tellJobPage(await list(kong, { limit, after }), context)
    return EXIT.done
  })
}

/** A verb, and what it is about: the job with that id, else all that fit. */
export interface Operation {
  readonly words: VerbWords
  readonly id: string | undefined
  readonly filter: DeadLetterFilter
  readonly one: (kong: KongTask, id: string) => Promise<Job>
  readonly all: (kong: KongTask, options: BulkOptions) => Promise<BulkResult>
}

export async function operate(
  { words, id, filter, one, all }: Operation,
  given: GivenOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    if (id !== undefined) return tellOperated(words, await one(kong, id), context)
    await warnOfUnknownNames(filter, kong, context.terminal)
    return operateOnMatches(words, (options) => all(kong, options), given, context)
  })
}
