import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { watchFolder, type FolderWatch } from './watch-folder.ts'

let folder: string
let watch: FolderWatch
let changes: string[]
let wake: () => void

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kongtask-watch-'))
  await mkdir(join(folder, 'tasks'))
  await mkdir(join(folder, 'node_modules/zod'), { recursive: true })
  changes = []
  watch = await watchFolder(
    folder,
    (name) => name.endsWith('.ts'),
    (path) => {
      changes.push(path.slice(folder.length + 1))
      wake()
    },
  )
})
afterEach(async () => {
  watch.close()
  await rm(folder, { recursive: true })
})

/** The next change, after this was done. */
async function changeBy(work: () => Promise<unknown>): Promise<string | undefined> {
  const told = new Promise<void>((resolve) => {
    wake = resolve
  })
  await work()
  await told
  return changes.at(-1)
}

const write = (name: string): Promise<void> => writeFile(join(folder, name), '')

it('tells of a file that comes, changes and goes, in whatever folder', async () => {
  expect(await changeBy(() => write('tasks/a.ts'))).toBe('tasks/a.ts')
  expect(await changeBy(() => writeFile(join(folder, 'tasks/a.ts'), 'more'))).toBe('tasks/a.ts')
  expect(await changeBy(() => rm(join(folder, 'tasks/a.ts')))).toBe('tasks/a.ts')
})

it('follows a folder that comes, and one that comes again', async () => {
  const made = async (): Promise<void> => {
    await mkdir(join(folder, 'tasks/mail'))
    await write('tasks/mail/a.ts')
  }
  await changeBy(made)
  expect(await changeBy(() => writeFile(join(folder, 'tasks/mail/a.ts'), 'more'))).toBe('tasks/mail/a.ts')
  await changeBy(() => rm(join(folder, 'tasks/mail'), { recursive: true }))
  await changeBy(made)
  expect(await changeBy(() => writeFile(join(folder, 'tasks/mail/a.ts'), 'more'))).toBe('tasks/mail/a.ts')
})

it('tells once of what is written in one go, and nothing of what is not meant', async () => {
  const last = await changeBy(async () => {
    await write('node_modules/zod/index.ts')
    await mkdir(join(folder, '.cache'))
    await write('.cache/a.ts')
    await write('notes.md')
    for (const name of ['a', 'b', 'c']) await write(`tasks/${name}.ts`)
  })
  expect([changes.length, last]).toEqual([1, 'tasks/c.ts'])
})
