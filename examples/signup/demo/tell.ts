// What is said before and after.
import type { Check } from './check.ts'
import type { Effects } from './effects.ts'
import { totalOf, type TaskCounts } from './count-jobs.ts'
import type { Screen } from './screen.ts'
import type { Stage } from './stage.ts'
import { tableLines } from './table.ts'

const MOST_PROBLEMS = 10

export function tellStage({ say, paint }: Screen, stage: Stage): void {
  const fact = (name: string, value: string): void => say(`  ${paint.dim(name.padEnd(10))}${value}`)
  fact('database', stage.database)
  fact('web', `${stage.webUrl}, adds jobs in the transaction of each request`)
  fact('mail', `${stage.mail.url}, turns some mails away at first`)
  fact('partner', `${stage.partner.url}, busy at times`)
  fact('workers', `process ${process.pid} and process ${stage.workerProcess.pid}`)
  say()
  say('  Visitors sign up, order and ask for reports; a quarter of the requests fail after their jobs')
  say('  were added, and must leave no trace.')
  say()
}

export function tellCounts({ say, paint }: Screen, counts: readonly TaskCounts[], effects: Effects): void {
  const head = ['task', 'added', 'completed', 'retried', 'dead', 'effect']
  const rows = [...effects].map(([task, effect]) => [
    ...cells(
      task,
      counts.filter((count) => count.task === task),
    ),
    effect,
  ])
  const [first = '', ...rest] = tableLines([head, ...rows, [...cells('all', counts), '']])
  say()
  say(`  ${paint.bold(first)}`)
  for (const line of rest) say(`  ${line}`)
  say()
}

function cells(name: string, rows: readonly TaskCounts[]): (string | number)[] {
  return [
    name,
    totalOf(rows, 'added'),
    totalOf(rows, 'completed'),
    totalOf(rows, 'retried'),
    totalOf(rows, 'dead'),
  ]
}

/** Returns how many failed. */
export function tellChecks({ say, paint }: Screen, checks: readonly Check[]): number {
  for (const { title, problems } of checks) {
    if (problems.length === 0) {
      say(`  ${paint.green('✔')} ${title}`)
      continue
    }
    say(`  ${paint.red('✘')} ${title}: ${paint.red('NO')}`)
    for (const problem of problems.slice(0, MOST_PROBLEMS)) say(`      ${problem}`)
    if (problems.length > MOST_PROBLEMS) say(`      and ${problems.length - MOST_PROBLEMS} more`)
  }
  say()
  return checks.filter(({ problems }) => problems.length > 0).length
}

export function tellHowToPlay({ say, paint }: Screen, stage: Stage): void {
  const body = '{"name":"You","email":"you@example.org","avatar":"gimp.png"}'
  say()
  say(paint.bold('  Everything is still running. Ctrl-C ends it.'))
  say()
  say(`  curl ${stage.webUrl}/signup -H 'content-type: application/json' \\`)
  say(`    -d '${body}'`)
  say(`  psql '${stage.settings.DATABASE_URL}'`)
  say(`  ls ${stage.settings.THUMBNAILS}`)
  say(`  tail -f ${stage.logs}/worker-*.log`)
  say()
}
