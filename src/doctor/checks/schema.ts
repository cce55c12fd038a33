import type { ErrorCode } from '../../core/error-catalogue.ts'
import { KongTaskError } from '../../core/errors.ts'
import { planMigrations } from '../../store/migrate.ts'
import { finding, type Finding, type FindingCode } from '../finding.ts'
import type { Patient } from '../patient.ts'

const REFUSED: Readonly<Partial<Record<ErrorCode, FindingCode>>> = {
  KT_SCHEMA_FOREIGN: 'schema_foreign',
  KT_SCHEMA_TOO_NEW: 'schema_too_new',
}

/** The tables against this version of the package. */
export async function checkSchema({
  db,
  schema,
  kongtask,
}: Pick<Patient, 'db' | 'schema' | 'kongtask'>): Promise<readonly Finding[]> {
  try {
    const { applied, pending } = await planMigrations(db, schema)
    const last = applied.at(-1)
    if (pending.length === 0)
      return [
        finding(
          'schema',
          'schema_current',
          `The schema "${schema}" is as this version of kongtask needs it.`,
        ),
      ]
    const remedy = { remedy: 'Migrate, as the owner of the schema.', command: kongtask('migrate') }
    if (last === undefined)
      return [
        finding('schema', 'schema_missing', `KongTask's tables are not in the schema "${schema}".`, remedy),
      ]
    const what = `The schema "${schema}" is at migration ${last.number}; this version of kongtask needs ${last.number + pending.length}.`
    return [finding('schema', 'schema_behind', what, remedy)]
  } catch (error) {
    const code = error instanceof KongTaskError ? REFUSED[error.code] : undefined
    if (code === undefined || !(error instanceof KongTaskError)) throw error
    const command =
      code === 'schema_too_new' ? 'npm install kongtask@latest' : 'kongtask migrate --schema NAME'
    const remedy =
      code === 'schema_too_new'
        ? 'Deploy the version that migrated it.'
        : 'Give KongTask a schema of its own, and configure that.'
    return [finding('schema', code, error.message, { remedy, command })]
  }
}
