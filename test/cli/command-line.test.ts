import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/command-list.ts'
import { SCENARIOS } from '../../src/torture/scenarios.ts'
import { perform } from './streams.ts'

/** What a file loads as it is loaded itself, types aside. */
function filesFrom(file: string, found: Set<string> = new Set()): ReadonlySet<string> {
  if (found.has(file)) return found
  found.add(file)
  const source = readFileSync(`${root}src/${file}`, 'utf8')
  for (const [, clause = '', target = ''] of source.matchAll(
    /^(?:import|export) ([^;'"]*?)from '(\..*?)'/gms,
  )) {
    const isErased = clause.startsWith('type ') || /^\{(?:\s*type [\w ]+,?)+\s*\}\s*$/.test(clause)
    if (!isErased) filesFrom(normalize(join(dirname(file), target)), found)
  }
  return found
}

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('kongtask', () => {
  it.each([['--help'], []])('%s lists the commands and the exit codes', async (...args) => {
    const { exitCode, stdout, stderr } = await perform(args)
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Usage: kongtask <command> \[options\]/)
    expect(stdout).toContain('torture')
    expect(stdout).toContain('Exit codes:')
  })

  it('begins with nothing of what a command needs: that is loaded when it is called', () => {
    const rooms = new Set([...filesFrom('cli/main.ts')].map((file) => file.slice(0, file.indexOf('/'))))
    expect([...rooms].toSorted()).toEqual(['cli', 'core', 'project'])
    expect([...filesFrom('cli/main.ts')].filter((file) => file.startsWith('cli/commands/'))).toEqual([])
    // It does look into what it finds: a command leads to the database.
    expect([...filesFrom('cli/commands/jobs.ts')].some((file) => file.startsWith('store/'))).toBe(true)
  })

  it('has every command under the name by which it is loaded', async () => {
    for (const { name, load } of COMMANDS) {
      const program = new Command()
      const declare = await load()
      declare(program, () => undefined)
      expect(program.commands.map((command) => command.name())).toEqual([name])
    }
  })

  it('torture --help has every scenario, every option and examples', async () => {
    const { exitCode, stdout } = await perform(['torture', '--help'])
    expect(exitCode).toBe(0)
    for (const { name, summary } of SCENARIOS) expect(stdout).toContain(`  ${name.padEnd(10)} ${summary}`)
    for (const option of ['--scenario', '--duration', '--seed', '--json', '--database-url', '--no-color'])
      expect(stdout).toContain(option)
    expect(stdout).toContain('$ kongtask torture --duration 120s --seed 1 --json')
  })

  it('says the version of its package', async () => {
    const { version }: { version: string } = JSON.parse(await readFile(`${root}package.json`, 'utf8'))
    expect(await perform(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' })
  })

  it.each([
    [['tortur'], 'KT_USAGE_INVALID', /Unknown command 'tortur' \(Did you mean torture\?\)/],
    [['torture', '--sed', '1'], 'KT_USAGE_INVALID', /Unknown option '--sed' \(Did you mean --seed\?\)/],
    [['torture', 'kill'], 'KT_USAGE_INVALID', /Too many arguments/],
    [['torture', '--scenario'], 'KT_USAGE_INVALID', /argument missing/],
    [['torture', '--scenario', 'kill,kil'], 'KT_OPTION_INVALID', /no scenario "kil"/],
    [['torture', '--seed', '-1'], 'KT_OPTION_INVALID', /seed/],
    [['torture', '--report', '/nowhere/page.html'], 'KT_OPTION_INVALID', /page cannot be written: ENOENT/],
    [['torture', '--duration', '120'], 'KT_DURATION_INVALID', /'10m'/],
    [['torture', '--database-url', 'mysql://x:secret@y/z'], 'KT_CONNECTION_INVALID', /postgres:/],
  ])('%j is refused with code and remedy, and without a stack', async (args, code, message) => {
    const { exitCode, stdout, stderr } = await perform(args)
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(new RegExp(`^${code}: `))
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/\nWhat to do: .+\.\n$/)
    expect(stderr).not.toMatch(/\n +at |secret/)

    const asked = await perform([...args, '--verbose'])
    expect(asked.stderr).toMatch(/\n +at /)

    const { error }: { error: Record<string, unknown> } = JSON.parse(
      (await perform([...args, '--json'])).stderr,
    )
    expect(error).toEqual({
      code,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(/\.$/),
    })
  })

  it('is a program that can be started', async () => {
    const main = `${root}src/cli/main.ts`
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', main, 'torture', '--seed', 'x'], {
      cwd: root,
    })
    await expect(run).rejects.toMatchObject({ code: 2, stdout: '', stderr: /^KT_OPTION_INVALID/ })
  })
})
