import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The blocks of a page in one language, in order. */
export async function snippetsOf(page: string, language: 'ts' | 'sql' = 'ts'): Promise<string[]> {
  const text = await readFile(root + page, 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)]
    .filter(([, of]) => of === language)
    .map(([, , code = '']) => code)
}

/** The TypeScript blocks of a page of which each begins with the name of its file (`// tasks/send_email.ts`), by that name. */
export async function filesOf(page: string): Promise<Record<string, string>> {
  const files = new Map<string, string>()
  for (const code of await snippetsOf(page)) {
    const [, name] = /^\/\/ ([\w./-]+\.ts)\b/.exec(code) ?? []
    if (name === undefined || files.has(name)) {
      throw new Error(`${page}: a snippet has to begin with the name of a file of its own:\n${code}`)
    }
    files.set(name, code)
  }
  return Object.fromEntries(files)
}

/** Strict as ours, without the rules of taste that a user need not share. */
const USERS_OWN = {
  noUnusedLocals: false,
  noUnusedParameters: false,
  erasableSyntaxOnly: false,
  noPropertyAccessFromIndexSignature: false,
}

/** Writes files to where the project's own compiler settings and packages hold, and nothing else is. Returns the folder. */
export async function writeSnippets(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = `${root}.kongtask/docs/${name}`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const settings = {
    extends: '../../../tsconfig.json',
    include: ['.'],
    compilerOptions: USERS_OWN,
  }
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify(settings))
  for (const [file, code] of Object.entries(files)) {
    await mkdir(dirname(`${folder}/${file}`), { recursive: true })
    await writeFile(`${folder}/${file}`, code)
  }
  return folder
}

/** The headings of a page as they are linked to. */
export function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
