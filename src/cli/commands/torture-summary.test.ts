import { expect, it } from 'vitest'
import { Terminal } from '../terminal.ts'
import { describeResult } from './torture-summary.ts'

const stream = { write: () => undefined }
const terminal = new Terminal({ stdout: stream, stderr: stream, env: {} })

it('shows how many jobs of a scenario were buried, beside those that were lost or done twice', () => {
  const scenario = {
    name: 'kill',
    jobs: 400,
    lost: 0,
    doubleCommitted: 0,
    buried: 2,
    recoveryMs: { p50: 2_500, p99: 3_100, max: 3_200 },
    recoveryLimitMs: 5_000,
    recovered: 3,
    injuries: 9,
    rateBefore: 200,
    rateDuring: 150,
    rateAfter: 199,
    limit: { limit: 3, leases: 3, looks: 90, atOnce: 3 },
    errors: [],
    course: { effects: [], injuries: [], before: [0, 0], during: [0, 0], after: [0, 0], recoveries: [] },
  } as const
  const result = { seed: 1, ok: true, postgres: '18.4', lease: 15_000, scenarios: [scenario], leftOut: [] }
  const [, , head = '', row = ''] = describeResult(result, undefined, terminal)
  expect(head.split(/ {2,}/).slice(0, 6)).toEqual(['scenario', 'jobs', 'lost', 'twice', 'buried', 'injuries'])
  expect(row.split(/ {2,}/).slice(0, 6)).toEqual(['kill', '400', '0', '0', '2', '9'])
})
