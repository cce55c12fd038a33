import { OLDEST_SERVER } from '../../store/migrate.ts'
import type { ServerState } from '../../store/examine.ts'
import { finding, type Finding } from '../finding.ts'
import { psql } from '../shell.ts'

export function checkServer({ version, release, isStandby, isReadOnly }: ServerState): readonly Finding[] {
  return [
    version < OLDEST_SERVER * 10_000
      ? finding(
          'server',
          'server_too_old',
          `PostgreSQL is ${release}; KongTask needs ${OLDEST_SERVER} or later.`,
          {
            remedy: 'Update the server.',
            command:
              'pg_upgrade --old-datadir OLD --new-datadir NEW --old-bindir OLD_BIN --new-bindir NEW_BIN',
          },
        )
      : finding('server', 'server_supported', `PostgreSQL is ${release}.`),
    ...(isStandby
      ? [
          finding('server', 'server_read_only', 'This server is a standby, which takes no writes.', {
            // Only looks: to promote a standby beside a primary that lives splits the data in two.
            remedy:
              'Lead the connection to the primary, which this names. Promote this server only where that one is gone for good.',
            command: psql('table pg_stat_wal_receiver'),
          }),
        ]
      : isReadOnly
        ? [
            finding(
              'server',
              'server_read_only',
              'Transactions are read only here (default_transaction_read_only).',
              {
                remedy: 'Switch it off; the role or the database may have a setting of its own.',
                command: psql('alter system reset default_transaction_read_only', 'select pg_reload_conf()'),
              },
            ),
          ]
        : []),
  ]
}
