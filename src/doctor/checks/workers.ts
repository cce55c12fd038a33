import { examineSilentWorkers } from '../../store/examine.ts'
import { listWorkers } from '../../store/control.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'
import { psql } from '../shell.ts'

/** Who works, and of whom nothing is heard. */
export async function checkWorkers({ db, schema, kongtask }: Patient): Promise<readonly Finding[]> {
  const alive = (await listWorkers(db, schema, 0)).filter(({ isSilent }) => !isSilent).length
  const silent = await examineSilentWorkers(db, schema)
  return [
    alive > 0
      ? finding('workers', 'workers_alive', `${alive} ${alive === 1 ? 'process works' : 'processes work'}.`)
      : finding('workers', 'workers_none', 'Nobody works.', {
          remedy: 'Start a worker, or `run` in a process of yours.',
          command: kongtask('work'),
        }),
    ...silent.map(({ worker, host, pid, silent: ms, unlock }) =>
      finding(
        'workers',
        'worker_silent',
        `Nothing was heard for ${Math.round(ms / 1_000)} s of worker ${worker} (pid ${pid} on ${host}); its lease has run out.`,
        {
          remedy:
            'See what became of the process. Any that works takes its jobs within seconds; this does it at once.',
          command: psql(unlock),
        },
      ),
    ),
  ]
}
