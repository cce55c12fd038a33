// npm run demo: starts everything that a sign-up service needs, lets a few hundred visitors loose on it, shows how the
// workers keep up, and then checks what they did. `--help` has the options, README.md what to read.
import { once } from 'node:events'
import { KongTaskError } from 'kongtask'
import { buildReport } from './app/tasks.ts'
import { HELP, readArguments, type Arguments } from './demo/arguments.ts'
import { checkEverything } from './demo/checks.ts'
import { readEffects } from './demo/effects.ts'
import { listenForInterruption } from './demo/interruption.ts'
import { countJobs } from './demo/count-jobs.ts'
import { openScreen, type Screen } from './demo/screen.ts'
import { CannotBegin, setStage } from './demo/stage.ts'
import { Teardown } from './demo/teardown.ts'
import { tellChecks, tellCounts, tellHowToPlay, tellStage } from './demo/tell.ts'
import type { Progress } from './demo/start-worker-process.ts'
import { watchTheDay } from './demo/watch.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(given: readonly string[]): Promise<number> {
  let options: Arguments
  try {
    options = readArguments(given)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nSee npm run demo -- --help`)
    return 2
  }
  if (options.help) {
    console.log(HELP)
    return 0
  }
  const screen = openScreen(process.stdout)
  const teardown = new Teardown()
  const { signal, forget } = listenForInterruption()
  try {
    return await demonstrate({ options, screen, teardown, signal })
  } catch (error) {
    screen.clear()
    if (signal.aborted) return 130
    console.error(error instanceof CannotBegin || error instanceof KongTaskError ? error.message : error)
    return 1
  } finally {
    if (signal.aborted) screen.say('  Stopping …')
    for (const problem of await teardown.run()) console.error(problem)
    forget()
  }
}

interface Demonstration {
  readonly options: Arguments
  readonly screen: Screen
  readonly teardown: Teardown
  readonly signal: AbortSignal
}

/** Resolves to the exit code. */
async function demonstrate({ options, screen, teardown, signal }: Demonstration): Promise<number> {
  const { say, paint } = screen
  const since = performance.now()
  say()
  say(paint.bold('  A sign-up service with KongTask'))
  say(paint.dim('  Starting PostgreSQL, a web server, a mail server, a shipping partner and two workers …'))
  say()
  let report: Progress | undefined
  const stage = await setStage({
    teardown,
    signal,
    breakage: options.breakage,
    onProgress: (progress) => {
      if (progress.task === buildReport.name) report = progress
    },
  })
  tellStage(screen, stage)

  const day = await watchTheDay({ stage, screen, signal, report: () => report })
  screen.clear()
  tellCounts(screen, await countJobs(stage.pool), await readEffects(stage))
  const checks = await checkEverything({ ...stage, ...day })
  const failed = tellChecks(screen, checks)
  const time = `${((performance.now() - since) / 1_000).toFixed(1)} s`
  say(
    failed === 0
      ? paint.green(`  All ${checks.length} checks passed, in ${time}.`)
      : paint.red(`  ${failed} of ${checks.length} checks failed, in ${time}.`),
  )
  if (options.keep) {
    tellHowToPlay(screen, stage)
    if (!signal.aborted) await once(signal, 'abort')
  }
  return failed === 0 ? 0 : 1
}
