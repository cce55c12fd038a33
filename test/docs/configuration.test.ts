import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { SETTINGS } from '../../src/project/settings.ts'
import { projectFolder } from '../cli/project-folder.ts'
import { start } from '../cli/start.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

describe('docs/configuration.md', () => {
  it('has every setting with its variable', async () => {
    const page = await readFile(`${root}docs/configuration.md`, 'utf8')
    for (const [name, { variable }] of Object.entries(SETTINGS)) {
      const [line = ''] = page
        .split('\n')
        .filter((each) => each.startsWith('|') && each.includes(`\`${name}\``))
      expect(line, name).not.toBe('')
      expect(line, name).toContain(`\`${variable ?? name}\``)
    }
  })

  it('has a configuration that compiles, and that the commands read', async () => {
    const [config = ''] = await snippetsOf('docs/configuration.md')
    const folder = await writeSnippets('configuration', { 'kongtask.config.ts': config })
    await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
    await using project = await projectFolder({ 'kongtask.config.ts': config })
    const { exitCode, stdout } = await start(['doctor', '--config'], { cwd: project.path })
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^queues +email=10, reports=2 +kongtask\.config\.ts$/m)
  })

  it('shows what is really said of what is wrong', async () => {
    const page = await readFile(`${root}docs/configuration.md`, 'utf8')
    const [, shown = ''] = /^```text\n(.*?)^```/ms.exec(page) ?? []
    await using project = await projectFolder({
      'kongtask.config.ts': `export default { queues: { mail: { concurrency: 'many' } }, gracePerod: '1m' }\n`,
    })
    const { exitCode, stderr } = await start(['work'], {
      cwd: project.path,
      env: { KONGTASK_CONCURRENCY: '0' },
    })
    expect(exitCode).toBe(2)
    expect(stderr.split('\nWhat to do:')[0]?.split('\n').toSorted()).toEqual(
      shown.trimEnd().split('\n').toSorted(),
    )
  })
})
