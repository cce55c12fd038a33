// npx tsx --tsconfig bench/tsconfig.json bench/profile.ts [--out DIR] [--quick]
// Where the time goes, in Node and in PostgreSQL. Writes drain.md and plans.md to docs/profiles, or to DIR, and the
// CPU profile itself, for Chrome's or VS Code's viewer, to DIR or a temporary folder.
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { kongTaskVersion } from './frame/versions.ts'
import { profiled, selfTimes } from './profiles/cpu-profile.ts'
import { hotPlans, type HotStatement } from './profiles/hot-plans.ts'
import { benchServer } from './servers/databases.ts'
import { drainKongTask } from './systems/kongtask.ts'

const HEAVIEST = 20

const { values } = parseArgs({
  options: { out: { type: 'string' }, quick: { type: 'boolean', default: false } },
})
const folder = values.out ?? fileURLToPath(new URL('../docs/profiles/', import.meta.url))
const profileFolder = values.out ?? (await mkdtemp(join(tmpdir(), 'kongtask-profile-')))
await mkdir(folder, { recursive: true })

await using server = await benchServer()
const machine = `KongTask ${kongTaskVersion}, Node ${process.version}, PostgreSQL ${server.version}, ${cpus().length} cores`
const jobs = values.quick ? 100_000 : 1_000_000
await writePage('drain.md', await profileDrain(jobs / 5))
await writePage('plans.md', plansPage(await hotPlans(await server.createDatabase('plans'), jobs)))
console.log(`${folder} has drain.md and plans.md, ${profileFolder} drain.cpuprofile.`)

/** As the house has its documents. */
async function writePage(name: string, markdown: string): Promise<void> {
  const config = await resolveConfig(fileURLToPath(import.meta.url))
  await writeFile(join(folder, name), await format(markdown, { ...config, parser: 'markdown' }))
}

async function profileDrain(count: number): Promise<string> {
  const connectionString = await server.createDatabase('profile')
  const drain = (): Promise<number> =>
    drainKongTask({ connectionString, jobs: count, retain: false, runner: {} })
  // Once before, so that the compiler has done its part.
  await drain()
  const profile = await profiled(drain)
  await writeFile(join(profileFolder, 'drain.cpuprofile'), JSON.stringify(profile))
  const times = selfTimes(profile)
  const busy = times.reduce((sum, { self }) => sum + self, 0)
  const rows = times.slice(0, HEAVIEST).map(({ name, where, self }) => {
    const share = ((100 * self) / busy).toFixed(1)
    return `| ${(self / 1_000).toFixed(0)} | ${share} | ${code(name)} | ${code(where)} |`
  })
  return `# A drain, by function

${count.toLocaleString('en')} jobs that do nothing, worked until the queue is empty; ${machine}. Made by \`bench/profile.ts\`.

The process was busy for ${(busy / 1_000).toFixed(0)} ms, filling the queue included. These are the ${HEAVIEST} functions in which it spent most of that, without
what each of them calls.

| self, ms | share, % | function | where |
| -------: | -------: | -------- | ----- |
${rows.join('\n')}
`
}

function plansPage(statements: readonly HotStatement[]): string {
  const sections = statements.map(({ name, about, plans }) => {
    const blocks = plans.map(
      ({ milliseconds, query, plan, times }) =>
        `\`${milliseconds.toFixed(2)} ms\`${times === 1 ? '' : `, once of ${times} times`} ${code(shortened(query))}\n\n\`\`\`text\n${plan.trimEnd()}\n\`\`\`\n`,
    )
    return `## ${name}\n\n${about}\n\n${blocks.join('\n')}`
  })
  return `# The hot statements, as PostgreSQL runs them

With ${jobs.toLocaleString('en')} jobs ready; ${machine}. Made by \`bench/profile.ts\`.

The statements call functions (sql/migrations/). Each section has what the server did within, in the order in which it ended, so
the call itself comes last and holds the times and pages of all before it. Measuring so closely makes it slower.

${sections.join('\n')}`
}

function code(text: string): string {
  return text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``
}

function shortened(query: string): string {
  const line = query.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim()
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}
