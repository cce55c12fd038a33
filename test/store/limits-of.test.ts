// What the limits of a job come to: the gates that it shares with others, by their names.
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { useStore } from './fixture.ts'

const db = useStore()

/** Of the task 7. */
async function limitsOf(extras: object | null, payload: string = '{}'): Promise<unknown> {
  const json = extras === null ? null : JSON.stringify(extras)
  return db.value('select kongtask.limits_of($1, 7, $2)', [json, payload])
}

/** The key that a path finds in a payload. */
async function keyBy(by: string, payload: string): Promise<string> {
  const limits = await limitsOf({ concurrency: { limit: 1, by } }, payload)
  const [, key = ''] = /^\[\{"gate":"concurrency:key:(.*)","limit":1\}\]$/s.exec(JSON.stringify(limits)) ?? []
  return JSON.parse(`"${key}"`)
}

describe('limits_of', () => {
  it('is null where there is none', async () => {
    expect(await limitsOf(null)).toBeNull()
    expect(await limitsOf({ tags: ['a'], uniqueKey: 'concurrency' })).toBeNull()
  })

  it('names the gate of the task, concurrency first, and says what the burst is', async () => {
    expect(await limitsOf({ rateLimit: { limit: 5, per: 1_000 }, concurrency: { limit: 3 } })).toEqual([
      { gate: 'concurrency:task:7', limit: 3 },
      { gate: 'rate:task:7', limit: 5, per: 1_000, burst: 1 },
    ])
  })

  it('names the gate of a key', async () => {
    const rateLimit = { limit: 5, per: 1_000, burst: 9, key: 'a "b" ü' }
    expect(await limitsOf({ concurrency: { limit: 3, key: 'crm' }, rateLimit })).toEqual([
      { gate: 'concurrency:key:crm', limit: 3 },
      { gate: 'rate:key:a "b" ü', limit: 5, per: 1_000, burst: 9 },
    ])
  })

  it.each([
    ['tenant', '{"tenant": "crm"}', 'crm'],
    ['tenant', '{"tenant": ""}', ''],
    ['tenant', '{"tenant": 7}', '7'],
    ['tenant', '{"tenant": 7.0}', '7'],
    ['tenant', '{"tenant": 7.50}', '7.5'],
    ['tenant', '{"tenant": true}', 'true'],
    ['tenant', '{"tenant": null}', 'null'],
    ['tenant', '{"tenants": "crm"}', 'null'],
    ['tenant', '[]', 'null'],
    ['tenant', '"tenant"', 'null'],
    ['tenant', 'null', 'null'],
    ['tenant.id', '{"tenant": {"id": "crm"}}', 'crm'],
    ['tenant.id', '{"tenant": "crm"}', 'null'],
    ['tenant.id', '{"tenant.id": "crm"}', 'null'],
    ['tenants.1', '{"tenants": ["a", "b"]}', 'b'],
    ['tenants.2', '{"tenants": ["a", "b"]}', 'null'],
    ['a b.ü', '{"a b": {"ü": "x"}}', 'x'],
    ['tenant', '{"tenant": {"id": 7.0, "at": ["x", 1]}}', '{"at": ["x", 1], "id": 7}'],
  ])('by %j finds in %s the key %j', async (by, payload, key) => {
    expect(await keyBy(by, payload)).toBe(key)
  })

  it('gives equal values the same key, whatever their spelling and the order of their members', async () => {
    const keys = await Promise.all(
      ['{"t": {"a": 1.0, "b": [2e1]}}', '{"t": {"b": [20], "a": 1}}'].map((payload) => keyBy('t', payload)),
    )
    expect(new Set(keys).size).toBe(1)
  })

  it('hashes what is longer than a key may be, and nothing shorter', async () => {
    const of = (text: string) => keyBy('t', JSON.stringify({ t: text }))
    expect(await of('ü'.repeat(256))).toBe('ü'.repeat(256))
    const long = `${'ü'.repeat(256)}x`
    const hash = createHash('sha256').update(JSON.stringify(long)).digest('hex')
    expect(await of(long)).toBe(`sha256:${hash}`)
    expect(await keyBy('t', JSON.stringify({ t: Array.from({ length: 1_000 }, (_, n) => n) }))).toMatch(
      /^sha256:[0-9a-f]{64}$/,
    )
  })
})

describe('jobs with limits', () => {
  it.each([
    { concurrency: { limit: 3 } },
    { rateLimit: { limit: 5, per: 1_000, by: 'tenant' } },
    { concurrency: { limit: 3, key: 'crm' }, rateLimit: { limit: 5, per: 1_000 } },
  ])('carry them, added alone and in a bulk: %j', async (limits) => {
    const payload = '{"tenant": "crm"}'
    await db.add({ payload, ...limits })
    await db.add({ payload, ...limits }, { payload, ...limits })
    await db.add({ payload, ...limits }, { payload, task: 'other' })
    const rows = await db.query(
      `select j.limits, kongtask.limits_of(j.extras, j.task_id, j.payload) as expected
         from kongtask.jobs j order by j.id`,
    )
    expect(rows).toHaveLength(5)
    for (const { limits: carried, expected } of rows) expect(carried).toEqual(expected)
    expect(rows.map(({ limits: carried }) => carried !== null)).toEqual([true, true, true, true, false])
  })
})
