import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion, versionIn } from '../frame/versions.ts'
import type { SurvivalProgram } from '../processes/survival-process.ts'
import { measureSurvival, type Harm } from '../processes/survival.ts'

/** Seconds. */
const BOUND = { quick: 60, full: 300 }
/** More than is worked in the time of the measurement. */
const BACKLOG = { quick: 20_000, full: 60_000 }

const HARMS = ['kill', 'restart', 'held'] as const satisfies Harm[]

export const survival: Scenario = {
  about: `two workers and one handler for all; kill -9 of one of them (kill), a crash of PostgreSQL (restart), a
             snapshot that somebody holds for 20 s (held): seconds until what was torn away runs elsewhere, until work goes on,
             at most 5 minutes (--quick: one), processes that ended by themselves, jobs unfinished or done twice; --peers: the
             others as they are by default, and as their documentation has it against this`,
  units: {
    back_after_s: 's',
    not_back_after_s: 's',
    all_done_after_s: 's',
    torn: 'jobs',
    exited: 'processes',
    unfinished: 'jobs',
    twice: 'jobs',
    before_per_s: 'jobs/s',
    held_per_s: 'jobs/s',
    held_over_before: '×',
  },
  peers: 'asked',
  prepare,
  isYardstickFor: () => false,
  goals: [
    {
      name: 'kill: what was torn away runs elsewhere within 5 s',
      of: { system: 'kongtask', config: 'kill default', metric: 'back_after_s' },
      most: 5,
    },
    ...(['kill', 'restart'] as const).map((harm) => ({
      name: `${harm}: no job is lost`,
      of: { system: 'kongtask', config: `${harm} default`, metric: 'unfinished' },
      most: 0,
    })),
    {
      name: 'restart: no process ends by itself',
      of: { system: 'kongtask', config: 'restart default', metric: 'exited' },
      most: 0,
    },
  ],
}

/** Each on a server of its own, which may be hurt. */
async function prepare(_: unknown, { quick, peers }: PrepareOptions): Promise<readonly Contestant[]> {
  const size = quick ? 'quick' : 'full'
  const options = { bound: BOUND[size], backlog: BACKLOG[size] }
  const contestants = (
    system: string,
    version: string,
    program: SurvivalProgram,
    harms: readonly Harm[] = HARMS,
  ): Contestant[] =>
    harms.map((harm) => ({
      system,
      version,
      config: `${harm} ${program.config}`,
      run: () => measureSurvival(program, { harm, ...options }),
    }))
  const peer = (system: string, config: string, harms?: readonly Harm[]): Contestant[] =>
    contestants(
      system,
      versionIn(`node_modules/${system}/package.json`),
      { file: `${system}-survival-worker.ts`, config, isPeer: true },
      harms,
    )
  return [
    ...contestants('kongtask', kongTaskVersion, {
      file: 'kongtask-survival-worker.ts',
      config: 'default',
      isPeer: false,
    }),
    ...(peers
      ? [
          ...peer('graphile-worker', 'default'),
          // By default it takes one job and then waits for two seconds: a rate of which a snapshot could take nothing away.
          ...peer('pg-boss', 'default', ['kill', 'restart']),
          ...peer('pg-boss', 'tuned'),
        ]
      : []),
  ]
}
