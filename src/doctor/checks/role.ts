import { examinePrivileges, type Privileges } from '../../store/examine.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'
import { psql } from '../shell.ts'

/** What is listed of what is missing. */
const MOST_SHOWN = 6

/** What of docs/access.md the role in use lacks. */
export async function checkRole({ db, schema, server: { role } }: Patient): Promise<readonly Finding[]> {
  return (await examinePrivileges(db, schema)).map((found) => {
    const { purpose, missing } = found
    if (purpose === 'add') return adding(role, found)
    if (purpose === 'work') return working(role, found)
    if (missing.length === 0)
      return finding('role', 'role_may_administer', `The role ${role} may migrate, grant and drop history.`)
    const what = `The role ${role} may not administer (migrate, grant, drop days of history), which workers need not: it is no member of the owner's.`
    return finding('role', 'role_may_not_administer', what, {
      remedy: 'For migrations and settings connect as the owner; or let this role be a member of it.',
      command: psql(found.remedy),
    })
  })
}

function adding(role: string, { missing, remedy: statement }: Privileges): Finding {
  if (missing.length === 0) return finding('role', 'role_may_add', `The role ${role} may add jobs.`)
  const what = `The role ${role} may not add jobs: it lacks ${shown(missing)}.`
  return finding('role', 'role_may_not_add', what, granting(statement))
}

function working(role: string, { granted, missing, remedy: statement }: Privileges): Finding {
  if (missing.length === 0)
    return finding('role', 'role_may_work', `The role ${role} may work jobs and operate.`)
  const lacks = `it lacks ${shown(missing)}.`
  // Some of it, so that it was meant to; a role of a web process has none.
  if (granted > 0)
    return finding(
      'role',
      'role_works_in_part',
      `The role ${role} may work jobs in part only: ${lacks}`,
      granting(statement),
    )
  const what = `The role ${role} may not work jobs or operate, which a process that only adds need not: ${lacks}`
  return finding('role', 'role_may_not_work', what, granting(statement))
}

function granting(statement: string): { readonly remedy: string; readonly command: string } {
  return {
    remedy: 'Let the owner of the schema grant it; the role then has exactly that.',
    command: psql(statement),
  }
}

function shown(missing: readonly string[]): string {
  const first = missing.slice(0, MOST_SHOWN).join(', ')
  return missing.length > MOST_SHOWN ? `${first} and ${missing.length - MOST_SHOWN} more` : first
}
