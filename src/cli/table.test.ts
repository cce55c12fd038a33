import { expect, it } from 'vitest'
import { tableLines } from './table.ts'
import { Terminal } from './terminal.ts'

function terminal(isTTY: boolean, columns: number): Terminal {
  const stream = { isTTY, columns, write: () => undefined }
  return new Terminal({ stdout: stream, stderr: stream, env: { NO_COLOR: '1' } })
}

const ROWS = [
  ['send_email', 12, 'a rather long remark'],
  ['hi', 1_000, ''],
]

it('lays columns out as wide as their widest cell, numbers to the right', () => {
  expect(tableLines(terminal(false, 10), ['task', 'jobs', 'remark'], ROWS)).toEqual([
    'task        jobs  remark',
    'send_email    12  a rather long remark',
    'hi          1000',
  ])
})

it('cuts on a terminal alone what does not fit', () => {
  expect(tableLines(terminal(true, 24), ['task', 'jobs', 'remark'], ROWS)[1]).toBe('send_email    12  a rat…')
})
