import { examineVacuumHolders, type VacuumHolder } from '../../store/examine.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'
import { psql, psqlOn } from '../shell.ts'

/** Beyond which somebody who holds vacuum back is told. */
export interface Patience {
  /** Milliseconds, of transactions. @default 5 min */
  readonly longest?: number
  /** Transactions, of slots and standbys, of which nobody knows since when. @default 100,000 */
  readonly oldest?: number
}

/** Who keeps vacuum from taking away what is dead. */
export async function checkVacuumHolders(
  { db, schema, server }: Patient,
  patience: Patience = {},
): Promise<readonly Finding[]> {
  const held = judgeHolders(await examineVacuumHolders(db, schema), patience)
  if (server.seesAll) return held
  const unseen = finding(
    'vacuum',
    'vacuum_unseen',
    `The role ${server.role} does not see what others' sessions are at, which may hold vacuum back.`,
    { remedy: 'Let a superuser show it to this role, or examine as another.', command: psql(server.seesHow) },
  )
  return [...held, unseen]
}

export function judgeHolders(
  holders: readonly VacuumHolder[],
  { longest = 300_000, oldest = 100_000 }: Patience = {},
): readonly Finding[] {
  const told = holders.filter(({ held, age }) => (held === undefined ? age > oldest : held > longest))
  if (told.length > 0) return told.map(holding)
  const [first] = holders
  const what =
    first === undefined
      ? 'Nobody holds vacuum back.'
      : `Nobody holds vacuum back for long; the oldest is ${nameOf(first)}, ${ageOf(first)}.`
  return [finding('vacuum', 'vacuum_free', what)]
}

function holding(holder: VacuumHolder): Finding {
  const { kind, doing, remedy, host } = holder
  const what = `Vacuum is held back by ${nameOf(holder)}, ${ageOf(holder)}${doing === '' ? '' : ` (${doing})`}.`
  const command =
    kind === 'standby'
      ? psqlOn(`"host=${host ?? 'STANDBY'}"`, remedy, 'select pg_reload_conf()')
      : psql(remedy)
  return finding('vacuum', 'vacuum_held_back', what, { remedy: REMEDIES[kind] ?? 'End it.', command })
}

const REMEDIES: Readonly<Record<string, string>> = {
  session: 'End the transaction where it was begun; or end its session, which undoes it.',
  prepared: 'Commit or undo it: whoever prepared it has forgotten it.',
  slot: 'Drop the slot where nobody will come back to it; where a standby or subscriber uses it, see why that is so far behind.',
  standby: 'End the long query there; or let the standby cancel such queries instead of asking for patience.',
}

function nameOf({ kind, name, pid }: VacuumHolder): string {
  const called = name === '' ? '' : ` "${name}"`
  const process = pid === undefined ? '' : ` (pid ${pid})`
  return `${KINDS[kind] ?? kind}${called}${process}`
}

const KINDS: Readonly<Record<string, string>> = {
  session: 'the session',
  prepared: 'the prepared transaction',
  slot: 'the replication slot',
  standby: 'the standby',
}

function ageOf({ held, age }: VacuumHolder): string {
  const transactions = `${age} ${age === 1 ? 'transaction' : 'transactions'} old`
  return held === undefined ? transactions : `for ${Math.round(held / 1_000)} s, ${transactions}`
}
