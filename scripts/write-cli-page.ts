// Rewrites the blocks of docs/cli.md that are what `--help` prints. `npx tsx scripts/write-cli-page.ts`
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { performCommandLine } from '../src/cli/program.ts'

const PAGE = fileURLToPath(new URL('../docs/cli.md', import.meta.url))
/** A heading `## kongtask add` or `### kongtask jobs list`, what is said about it, and its first block of text. */
const SECTION = /^(###? kongtask(?: [a-z-]+)*\n(?:(?!##|```).*\n)*```text\n)(?:(?!```).*\n)*```$/gm

/** The page, with each block as it is printed now. */
export async function withHelp(page: string): Promise<string> {
  const sections = [...page.matchAll(SECTION)]
  let written = page
  for (const [section, head = ''] of sections) {
    const [, command = ''] = /^###? kongtask(?: ([a-z -]+))?/.exec(head) ?? []
    written = written.replace(section, () => `${head}${helpOf.get(command) ?? ''}\`\`\``)
  }
  return written
}

/** Of the program, under '', of each command, and of each verb of those that have some: `jobs list`. */
const helpOf = new Map<string, string>([['', await help([])]])
for (const name of commandsOf(helpOf.get('') ?? '')) {
  const text = await help([name])
  helpOf.set(name, text)
  for (const verb of commandsOf(text)) helpOf.set(`${name} ${verb}`, ofVerb(await help([name, verb])))
}

export const COMMANDS: readonly string[] = [...helpOf.keys()].filter((name) => name !== '')

/** What a help lists under `Commands:`. */
function commandsOf(text: string): readonly string[] {
  const [, listed = ''] = /^Commands:\n((?: .*\n)*)/m.exec(text) ?? []
  return [...listed.matchAll(/^ {2}([a-z]+(?:-[a-z]+)*)\b/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== '' && name !== 'help')
}

/** Without what every command has: the page would be twice as long. */
function ofVerb(text: string): string {
  return text.replace(/^Global Options:\n(?: .*\n)*\n/m, '')
}

async function help(command: readonly string[]): Promise<string> {
  let text = ''
  const stream = { columns: 100, write: (piece: string) => void (text += piece) }
  await performCommandLine([...command, '--help'], { stdout: stream, stderr: stream, env: {} })
  return text
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(PAGE, await withHelp(readFileSync(PAGE, 'utf8')))
