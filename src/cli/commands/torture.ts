import { existsSync } from 'node:fs'
import { open, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { KongTaskError } from '../../core/errors.ts'
import { messageOf } from '../../project/problems.ts'
import { SCENARIOS } from '../../torture/scenarios.ts'
import { reportPage } from '../../torture/report/page.ts'
import { torture as runTorture, type TortureResult } from '../../torture/torture.ts'
import { readTortureOptions, type TortureOptions } from '../../torture/torture-options.ts'
import type { Action, Declare, GivenOptions } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { collectList } from '../list-option.ts'
import { wholeNumber } from '../whole-number.ts'
import { describeResult } from './torture-summary.ts'

const SCENARIOS_HELP = SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join('\n')

export const torture: Declare = (program, perform) => {
  const command = program
    .command('torture')
    .description(
      'Torments worker processes and their database while jobs flow, and counts what came of it: jobs that were lost, ' +
        'effects that were committed twice, leases beyond a limit; and how long recovery took.',
    )
    .option('--scenario <names...>', 'only these, also with commas between them', collectList)
    .option('--duration <duration>', 'how long all of it takes, about: 90s, 10m (default: 2m)')
    .option(
      '--seed <number>',
      'decides everything that is random (default: one of its own, which is printed)',
    )
    .option('--lease <duration>', "of the workers' leases, 1s to 60s (default: 15s, as that of a runner)")
    .option('--workers <number>', 'worker processes, 2 to 32 (default: 4)')
    .option(
      '--database-url <url>',
      'work in this database, in schemas of its own that are dropped in the end (default: a throwaway PostgreSQL)',
    )
    .option('--report <file>', 'where the page with pictures goes (default: kongtask-torture-<seed>.html)')
    .option('--no-report', 'write no page')
    .addHelpText(
      'after',
      `
Scenarios:
${SCENARIOS_HELP}

Never name a database that others depend on: they share its processor, its disk and its connections. What restarts the
server is left out there. No environment variable names the database, so that none is named by accident.

Exit codes: 0 all was well; 3 something was lost, done twice, beyond a limit, or went wrong; 1, 2, 130 as ever.

Examples:
  $ kongtask torture
  $ kongtask torture --duration 120s --seed 1 --json
  $ kongtask torture --scenario kill suspend --duration 1m --lease 3s
  $ kongtask torture --database-url postgres://me:secret@localhost/scratch --scenario all`,
    )
  perform(command, action)
}

const action: Action = async (given, { terminal, isJson, isVerbose, signal }) => {
  const options = optionsOf(given)
  // What is wrong with them is said before anything is started.
  const { seed } = readTortureOptions(options)
  const path = reportPath(given['report'], seed)
  if (path !== undefined) await checkWritable(path)
  const result = await runTorture(
    { ...options, seed },
    {
      signal,
      onProgress: ({ scenario, number, of, phase }) =>
        terminal.progress(`torture, seed ${seed}: ${scenario} (${number} of ${of}): ${phase}`),
      onScenario: ({ name, errors }) => {
        if (isVerbose) terminal.tell(`${name}: ${errors.length === 0 ? 'well' : errors.join('\n  ')}`)
      },
      onLeftBehind: (schemas, why) =>
        terminal.tell(
          `These schemas could not be dropped, and are still there: ${schemas.join(', ')}. ${why}`,
        ),
    },
  )
  let report: string | undefined
  let problem: unknown
  try {
    if (path !== undefined) await writeFile(path, reportPage(result))
    report = path
  } catch (error) {
    problem = error
  }
  if (isJson) terminal.say(JSON.stringify(asJson(result, report)))
  else for (const line of describeResult(result, report, terminal)) terminal.say(line)
  if (problem !== undefined) terminal.tell(`The page could not be written: ${messageOf(problem)}`)
  if (!result.ok) return EXIT.unwell
  return problem === undefined ? EXIT.done : EXIT.failed
}

/** Strings of the command line as the options of a run; what is wrong with them is for the run to say. */
function optionsOf(given: GivenOptions): TortureOptions {
  const { scenario, duration, seed, lease, workers, databaseUrl } = given
  return {
    scenarios: Array.isArray(scenario) ? scenario.map(String) : undefined,
    duration,
    seed: wholeNumber(seed, 'seed'),
    lease,
    workers: wholeNumber(workers, 'workers'),
    connectionString: databaseUrl,
  }
}

/** Where the page goes; undefined where none is wanted. */
function reportPath(given: unknown, seed: number): string | undefined {
  if (given === false) return undefined
  return resolve(typeof given === 'string' ? given : `kongtask-torture-${seed}.html`)
}

/** Before the minutes of which it is to tell. @throws KT_OPTION_INVALID */
async function checkWritable(path: string): Promise<void> {
  const isThere = existsSync(path)
  try {
    await (await open(path, 'a')).close()
  } catch (cause) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `The page cannot be written: ${messageOf(cause)}. Name another file with --report, or say --no-report.`,
      { cause },
    )
  }
  if (!isThere) await rm(path)
}

function asJson(result: TortureResult, report: string | undefined): unknown {
  // The courses are what the pictures are made of, and long.
  const scenarios = result.scenarios.map(({ course: _, ...scenario }) => scenario)
  return { ...result, scenarios, report: report ?? null }
}
