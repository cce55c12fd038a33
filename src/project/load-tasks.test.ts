import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findTaskFiles } from './find-task-files.ts'
import { loadTasks } from './load-tasks.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kongtask-tasks-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('loadTasks', () => {
  it('tells of what it cannot read, each with its place, and reads the rest', async () => {
    await writeFile(join(folder, 'fine.mjs'), 'export default () => 1\n')
    await writeFile(join(folder, 'wrong.mjs'), 'export const nothing = 1\n')
    await symlink('nowhere', join(folder, 'dangling.mjs'))
    await mkdir(join(folder, 'more'))
    await symlink('endless', join(folder, 'more', 'endless'))
    await expect(loadTasks(folder, folder)).rejects.toMatchObject({
      code: 'KT_TASK_FILE_INVALID',
      problems: [
        { source: 'dangling.mjs', why: expect.stringMatching(/^cannot be read\. ENOENT/) },
        { source: 'more/endless', why: expect.stringMatching(/^cannot be read\. ELOOP/) },
        { source: 'wrong.mjs', why: expect.stringMatching(/^exports no task/) },
      ],
    })
  })

  it('tells where the folder is none', async () => {
    const file = join(folder, 'tasks')
    await writeFile(file, '')
    await expect(loadTasks(file, folder)).rejects.toMatchObject({
      code: 'KT_TASK_FILE_INVALID',
      problems: [{ source: 'tasks', why: expect.stringMatching(/^cannot be read\. ENOTDIR/) }],
    })
  })
})

describe('findTaskFiles', () => {
  it('passes over what vanishes meanwhile', async () => {
    await writeFile(join(folder, 'a'), '#!/bin/sh\n')
    await writeFile(join(folder, 'b.mjs'), '')
    await mkdir(join(folder, 'c'))
    await writeFile(join(folder, 'd.mjs'), '')
    const complaints: string[] = []
    const found = await findTaskFiles(folder, (path) => {
      complaints.push(path)
      for (const name of ['b.mjs', 'c']) rmSync(join(folder, name), { recursive: true })
    })
    expect(found.map(({ name }) => name)).toEqual(['d'])
    expect(complaints).toEqual([join(folder, 'a')])
  })
})
