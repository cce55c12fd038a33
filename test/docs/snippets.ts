import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The blocks of a page in one language, in order. */
export async function snippetsOf(page: string, language: 'ts' | 'sql' = 'ts'): Promise<string[]> {
  const text = await readFile(root + page, 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)]
    .filter(([, of]) => of === language)
    .map(([, , code = '']) => code)
}

/** Strict as ours, without the rules of taste that a user need not share. */
const USERS_OWN = {
  noUnusedLocals: false,
  noUnusedParameters: false,
  erasableSyntaxOnly: false,
  noPropertyAccessFromIndexSignature: false,
}

/** Writes files to where the project's own compiler settings and packages hold. Returns the folder. */
export async function writeSnippets(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = `${root}.kongtask/docs/${name}`
  await mkdir(folder, { recursive: true })
  const settings = {
    extends: '../../../tsconfig.json',
    include: ['.'],
    compilerOptions: USERS_OWN,
  }
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify(settings))
  for (const [file, code] of Object.entries(files)) await writeFile(`${folder}/${file}`, code)
  return folder
}
