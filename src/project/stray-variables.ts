import { nearMiss } from '../core/near-miss.ts'
import { RULES } from './settings.ts'

/** Read elsewhere: by the embedded PostgreSQL, and by programs that perform tasks. */
const OTHERS = [
  'KONGTASK_CONFIG',
  'KONGTASK_POSTGRES',
  'KONGTASK_POSTGRES_BIN',
  'KONGTASK_JOB_ID',
  'KONGTASK_JOB_TASK',
  'KONGTASK_JOB_QUEUE',
  'KONGTASK_JOB_ATTEMPT',
  'KONGTASK_JOB_MAX_ATTEMPTS',
]

/**
 * Variables that nobody reads, and that are nearly called like one of ours. Others are left alone: Kubernetes makes some of
 * the names of services.
 */
export function strayVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...[...RULES.values()].flatMap(({ variable }) => variable ?? []), ...OTHERS]
  return Object.keys(env)
    .filter((name) => name.startsWith('KONGTASK_') && !known.includes(name))
    .flatMap((name) => {
      const meant = nearMiss(name, known)
      return meant === undefined ? [] : [`${name} is not read by anybody. Did you mean ${meant}?`]
    })
}
