import { expect, it } from 'vitest'
import { confirm } from './confirm.ts'
import { Terminal, type Input } from './terminal.ts'

function asked(
  answer: string | undefined,
  isTTY = true,
): { asking: Parameters<typeof confirm>[2]; told: () => string } {
  let told = ''
  const stream = { isTTY, write: (text: string) => void (told += text) }
  const input: Input = Object.assign(
    (async function* () {
      if (answer !== undefined) yield answer
    })(),
    { isTTY },
  )
  return {
    asking: { terminal: new Terminal({ stdout: stream, stderr: stream, env: {} }), input },
    told: () => told,
  }
}

it.each([
  ['y\n', true],
  ['YES\n', true],
  ['\n', false],
  ['no\n', false],
  ['yonder\n', false],
  [undefined, false],
])('%j means %s', async (answer, isYes) => {
  const { asking, told } = asked(answer)
  expect(await confirm('Delete 5 jobs?', {}, asking)).toBe(isYes)
  expect(told()).toBe('Delete 5 jobs? [y/N] ')
})

it('asks nobody with --yes', async () => {
  const { asking, told } = asked('no')
  expect([await confirm('Delete 5 jobs?', { yes: true }, asking), told()]).toEqual([true, ''])
})

it('refuses where nobody can be asked', async () => {
  const { asking } = asked('y\n', false)
  await expect(confirm('Delete 5 jobs?', {}, asking)).rejects.toMatchObject({
    code: 'KT_USAGE_INVALID',
    message: expect.stringContaining('--yes'),
  })
})
