import type { WorkerInfo } from '../../core/worker-info.ts'
import type { Action, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { plainLine } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { shownTime } from '../shown-time.ts'
import { tableLines } from '../table.ts'
import { withClient } from '../with-client.ts'

export const workers: Declare = (program, perform) => {
  const command = program
    .command('workers')
    .description('Lists the processes that work, oldest first, with what they have right now.')
  addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask workers\n  $ kongtask workers --json | jq ".workers[].jobs"',
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { terminal, isJson } = context
  const project = await readGivenProject(given, context)
  const found = await withClient(project, context, (kong) => kong.workers.list())
  if (isJson) terminal.say(JSON.stringify({ workers: found }))
  else if (found.length === 0) terminal.say('Nobody works.')
  else
    for (const line of tableLines(
      terminal,
      ['worker', 'host', 'pid', 'node', 'since', 'jobs', 'queues', ''],
      found.map(rowOf),
    ))
      terminal.say(line)
  return EXIT.done
}

function rowOf(worker: WorkerInfo): readonly (string | number)[] {
  const { host, pid, node, startedAt, jobs } = worker
  return [
    worker.worker,
    plainLine(host),
    pid,
    node,
    shownTime(startedAt),
    jobs.length,
    servedQueues(worker),
    standing(worker),
  ]
}

export function servedQueues({ queues, concurrency }: WorkerInfo): string {
  if (queues === undefined) return `all=${concurrency ?? ''}`
  return Object.entries(queues)
    .map(([name, most]) => `${name}=${most}`)
    .join(', ')
}

export function standing({ isSilent, isDraining }: WorkerInfo): string {
  if (isSilent) return 'silent'
  return isDraining ? 'stopping' : ''
}
