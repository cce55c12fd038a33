import { checkSchemaName } from '../core/names.ts'
import { planOfAll, type MigrationPlan } from '../store/migrate.ts'

/**
 * Every migration, for a database that has nothing of ours: for whoever has its owner run the SQL. Needs no connection.
 *
 * @throws KT_SCHEMA_NAME_INVALID
 */
export function wholeMigrationPlan(schema = 'kongtask'): MigrationPlan {
  return planOfAll(checkSchemaName(schema))
}
