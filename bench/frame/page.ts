import { execFileSync } from 'node:child_process'
import type { Environment } from './environment.ts'
import type { Row } from './measure.ts'

/** What a run has to say for itself. */
export interface Published {
  /** Of the page, and of the picture beside it. */
  readonly title: string
  readonly scenario: string
  /** For people. */
  readonly report: string
  readonly rows: readonly Row[]
  readonly environment: Environment
  readonly rounds: number
}

/** A run as a page of the documentation: nobody writes a figure there by hand. */
export function page({ title, scenario, report, rows, environment, rounds }: Published): string {
  const { postgres, node, cpus, cpu, memory, platform, date } = environment
  const versions = [...new Set(rows.map(({ system, version }) => `${system} ${version}`))]
  return `# ${title}

![The same as a picture](${title}.svg)

\`\`\`text
${report}
\`\`\`

Written by \`npm run bench -- ${scenario} --publish\` on ${date.slice(0, 10)}, at commit ${commit()}: medians of ${rounds}, the extremes in
brackets. PostgreSQL ${postgres}, Node ${node}, ${cpus} × ${cpu}, ${memory} GiB, ${platform}.
${versions.join(', ')}.
`
}

/** With a plus behind it where the tree has more. */
function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  return (
    git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'src', 'sql') === '' ? '' : '+')
  )
}
