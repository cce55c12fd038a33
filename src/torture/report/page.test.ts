import { describe, expect, it } from 'vitest'
import type { ScenarioResult, TortureResult } from '../result.ts'
import { reportPage } from './page.ts'
import { linear, ticks } from './scale.ts'

const scenario: ScenarioResult = {
  name: 'kill',
  jobs: 400,
  lost: 0,
  doubleCommitted: 0,
  buried: 0,
  recoveryMs: { p50: 2_500, p99: 3_100, max: 3_200 },
  recoveryLimitMs: 5_000,
  recovered: 3,
  injuries: 1,
  rateBefore: 200,
  rateDuring: 150,
  rateAfter: 199,
  limit: { limit: 3, leases: 3, looks: 90, atOnce: 3 },
  errors: [],
  course: {
    effects: [50, 50, 20, 10, 50, 50],
    injuries: [{ what: 'kill -9', at: 400 }],
    before: [0, 400],
    during: [400, 1_000],
    after: [1_000, 1_500],
    recoveries: [2_400, 2_500, 3_200],
  },
}

const result = (overrides: Partial<ScenarioResult> = {}): TortureResult => ({
  seed: 1,
  ok: true,
  postgres: '18.4',
  lease: 3_000,
  scenarios: [{ ...scenario, ...overrides }],
  leftOut: [{ name: 'restart', why: 'the server is not ours' }],
})

describe('the page of a run', () => {
  it('shows the rate with each injury, the recoveries, and what was left out, and fetches nothing', () => {
    const page = reportPage(result())
    expect(page.match(/<svg /g)).toHaveLength(2)
    expect(page.match(/class="mark"/g)).toHaveLength(1)
    expect(page).toContain('<title>kill -9, at 0.4 s</title>')
    expect(page).toContain('p99 3.10 s')
    expect(page).toContain('Left out: restart, because the server is not ours.')
    expect(page).not.toMatch(/<script|<link|src=|https?:/)
    expect(page).not.toContain('NaN')
  })

  it('counts jobs that were buried as poison pills', () => {
    const page = reportPage(result({ buried: 77 }))
    expect(page).toContain('<th>buried</th>')
    expect(page).toContain('<td>77</td>')
  })

  it('says where no job had to be started anew', () => {
    const none = { p50: null, p99: null, max: null }
    const page = reportPage(
      result({ recoveryMs: none, recovered: 0, course: { ...scenario.course, recoveries: [] } }),
    )
    expect(page.match(/<svg /g)).toHaveLength(1)
    expect(page).toContain('No job had to be started anew.')
  })

  it('draws a scenario in which nothing ever took effect', () => {
    const page = reportPage(
      result({ rateBefore: null, course: { ...scenario.course, effects: [], recoveries: [0] } }),
    )
    expect(page).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('shows errors as text, whatever they hold', () => {
    const page = reportPage(result({ errors: ['a worker said <script>"&"</script>'] }))
    expect(page).toContain('a worker said &lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;')
  })
})

it('ticks are round and reach the largest value', () => {
  expect(ticks(87, 4)).toEqual([0, 50, 100])
  expect(ticks(4.1, 8)).toEqual([0, 1, 2, 3, 4, 5])
  expect(ticks(0.3, 3)).toEqual([0, 0.1, 0.2, 0.3])
  expect(linear([0, 10], [100, 0])(2.5)).toBe(75)
})
