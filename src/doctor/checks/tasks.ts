import { examineWaitingTasks, type WaitingTask } from '../../store/examine.ts'
import { listWorkers } from '../../store/control.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'

/** Jobs to look at, at either end of each queue. */
const SCAN = 5_000

/** Jobs that wait for code that no process has. */
export async function checkTasks({ db, schema, kongtask }: Patient): Promise<readonly Finding[]> {
  const waiting = await examineWaitingTasks(db, schema, SCAN)
  const workers = (await listWorkers(db, schema, 0)).filter(
    ({ isSilent, isDraining }) => !isSilent && !isDraining,
  )
  const known = new Set(workers.flatMap(({ tasks }) => tasks))
  const unknown = waiting.filter(({ task }) => !known.has(task))
  if (unknown.length === 0)
    return [
      finding('tasks', 'tasks_served', 'Each task of which jobs wait is known to a process that works.'),
    ]
  return [...new Set(unknown.map(({ task }) => task))].map((task) => {
    const where = unknown.filter((each) => each.task === task)
    const what = `No process performs the task ${task}, of which ${shown(where)}.`
    const remedy = `Start a worker whose code has the task. Where nobody will: ${kongtask(`jobs cancel --task ${task}`)}`
    return finding('tasks', 'task_unserved', what, { remedy, command: kongtask('work') })
  })
}

function shown(where: readonly WaitingTask[]): string {
  const jobs = where.reduce((sum, each) => sum + each.jobs, 0)
  const least = where.some((each) => each.jobs >= SCAN) ? 'at least ' : ''
  return `${least}${jobs} ${jobs === 1 ? 'job waits' : 'jobs wait'}`
}
