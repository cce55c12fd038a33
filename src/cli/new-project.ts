// What `kongtask init` writes. Planned as a whole first, so that a folder is either set up or left as it was.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { CONFIG_FILES } from '../project/find-config.ts'
import { isModulePackage, mergePackage } from './merge-package.ts'
import { CONFIG, CRONTAB, HELLO, IGNORED, TSCONFIG } from './templates.ts'

export interface PlannedFile {
  /** From the folder of the project. */
  readonly name: string
  readonly change: 'written' | 'merged' | 'kept'
  readonly content: string
}

export interface ProjectPlan {
  readonly folder: string
  readonly files: readonly PlannedFile[]
}

/**
 * @param from the kongtask to depend on, as a package manager takes it
 * @throws KT_FILE_EXISTS where it is a KongTask project, or something is in the way; KT_PACKAGE_INVALID
 */
export async function planProject(folder: string, from: string | undefined): Promise<ProjectPlan> {
  const inTheWay = [...CONFIG_FILES, 'tasks/hello.ts', 'tasks/hello.mts'].filter((name) =>
    existsSync(join(folder, name)),
  )
  if (inTheWay.length > 0) {
    throw new KongTaskError(
      'KT_FILE_EXISTS',
      `Nothing was written, because there is already: ${inTheWay.join(', ')}.`,
    )
  }
  const packageFile = await read(join(folder, 'package.json'))
  const ignored = await read(join(folder, '.gitignore'))
  // Elsewhere .ts means CommonJS, to Node and to TypeScript.
  const extension = isModulePackage(packageFile) ? 'ts' : 'mts'
  return {
    folder,
    files: [
      {
        name: 'package.json',
        change: packageFile === undefined ? 'written' : 'merged',
        content: mergePackage(packageFile, { name: basename(folder), from }),
      },
      { name: `kongtask.config.${extension}`, change: 'written', content: CONFIG },
      { name: `tasks/hello.${extension}`, change: 'written', content: HELLO },
      await unlessThere(folder, 'crontab', CRONTAB),
      await unlessThere(folder, 'tsconfig.json', TSCONFIG),
      ignoring(ignored),
    ],
  }
}

export async function writeProject({ folder, files }: ProjectPlan): Promise<void> {
  for (const { name, change, content } of files) {
    if (change === 'kept') continue
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    // What has come into being since is not overwritten either.
    await writeFile(path, content, { flag: change === 'written' ? 'wx' : 'w' })
  }
}

async function unlessThere(folder: string, name: string, content: string): Promise<PlannedFile> {
  const found = await read(join(folder, name))
  return found === undefined ? { name, change: 'written', content } : { name, change: 'kept', content: found }
}

function ignoring(found: string | undefined): PlannedFile {
  const name = '.gitignore'
  if (found === undefined) return { name, change: 'written', content: `${IGNORED.join('\n')}\n` }
  const there = new Set(found.split('\n').map((line) => line.trim().replaceAll(/^\/|\/$/g, '')))
  const missing = IGNORED.filter((entry) => !there.has(entry))
  if (missing.length === 0) return { name, change: 'kept', content: found }
  return { name, change: 'merged', content: `${found.trimEnd()}\n${missing.join('\n')}\n` }
}

async function read(path: string): Promise<string | undefined> {
  return existsSync(path) ? readFile(path, 'utf8') : undefined
}
