import { defineTask, handle } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { settled, useJourney } from './journey.ts'

const app = useJourney()
const sorted = (seen: readonly unknown[]): string[] => seen.map(String).toSorted()
const raw = defineTask('raw', { raw: true })

/** Adds a text in each way, and answers what the handlers received. */
async function received(...texts: readonly string[]): Promise<unknown[]> {
  const seen: unknown[] = []
  const runner = await app.run([
    handle(raw, (payload, { rawPayload }) => {
      expect(payload).toBe(rawPayload)
      seen.push(payload)
    }),
  ])
  const done = settled(runner, texts.length)
  await app.kong.addJobs(texts.map((payload) => ({ task: raw, payload })))
  await done
  return seen
}

describe('a raw task', () => {
  it('passes JSON text on without parsing it, as the database prints it', async () => {
    const seen = await received('{"b": 1, "a": [true, null]}', '"x"', 'null', ' [ ] ', '0')
    expect(sorted(seen)).toEqual(['"x"', '0', '[]', 'null', '{"a": [true, null], "b": 1}'])
  })

  it('keeps numbers that JavaScript cannot hold', async () => {
    const text = '[9007199254740993, 0.12345678901234567890123456789, 123456789012345678901234567890]'
    expect(await received(text)).toEqual([text])
  })

  it('keeps the last of two values with the same key, as JSON.parse does', async () => {
    expect(await received('{"a": 1, "a": 2}')).toEqual(['{"a": 2}'])
  })

  it('takes a text of 1 MiB, and no larger one', async () => {
    const text = `"${'ü'.repeat((1024 * 1024 - 2) / 2)}"`
    expect(await received(text)).toEqual([text])
    await expect(app.kong.addJob(raw, `"x${text.slice(1)}`)).rejects.toMatchObject({
      code: 'KT_PAYLOAD_TOO_LARGE',
    })
  })

  it('without a payload has {}, and by name and from SQL its text is made of the value', async () => {
    const seen: unknown[] = []
    const runner = await app.run([handle(raw, (payload) => void seen.push(payload))])
    const done = settled(runner, 3)
    await Reflect.apply(app.kong.addJob, undefined, [raw])
    // By name the payload is a value, which becomes text in the database.
    await app.kong.addJob('raw')
    await app.query(`select * from kongtask.add_job('raw', '[1.50]')`)
    await done
    expect(sorted(seen)).toEqual(['[1.50]', '{}', '{}'])
  })

  it('is added on a transaction of the caller, too', async () => {
    const client = await app.database.pool.connect()
    try {
      await client.query('begin')
      const { id } = await app.kong.with(client).addJob(raw, '[12345678901234567890]')
      const { rows } = await client.query('select payload::text from kongtask.jobs where id = $1', [id])
      expect(rows).toEqual([{ payload: '[12345678901234567890]' }])
      await client.query('rollback')
    } finally {
      client.release()
    }
  })

  const refused: readonly (readonly [name: string, text: unknown])[] = [
    ['no text', { a: 1 }],
    ['a number', 5],
    ['null', null],
    ['nothing in it', ''],
    ['text that is no JSON', '{a: 1}'],
    ['text that goes on', '1, 2'],
    ['text that breaks out of a list', '1] [2'],
    ['an infinity', 'Infinity'],
    ['\\u0000 as an escape', String.raw`"\u0000"`],
    ['\\u0000 in what a later key overwrites', String.raw`{"a": "\u0000", "a": 1}`],
    ['\\u0000 in a key', String.raw`{"\u0000": 1}`],
    ['half a pair as an escape', String.raw`"\ud83d"`],
    ['half a pair as an escape in capitals', String.raw`"\uD83D"`],
    ['half a pair as it is', '"\ud83d"'],
    ['two halves that meet only when joined', String.raw`"\ud83d"` + String.raw`"\udc8c"`],
    ['a number of a million digits', `1${'0'.repeat(1_000_000)}`],
    ['an exponent that would be a million digits', '1e1000000'],
    ['a negative one', '1e-1000000'],
    ['a thousand and one levels', `${'['.repeat(1_001)}${']'.repeat(1_001)}`],
    ['half a million levels', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
  ]

  it.each(refused)('refuses %s at the call', async (_, text) => {
    await expect(Reflect.apply(app.kong.addJob, undefined, [raw, text])).rejects.toMatchObject({
      name: 'KongTaskError',
      code: 'KT_PAYLOAD_NOT_JSON',
    })
  })

  it.each([
    ['an escaped pair', String.raw`"\ud83d\udc8c"`, '"💌"'],
    ['an escaped backslash before a u', String.raw`"\\u0000"`, String.raw`"\\u0000"`],
    ['three backslashes before a quote', String.raw`"\\\"[["`, String.raw`"\\\"[["`],
    ['brackets in a string', JSON.stringify('['.repeat(2_000)), JSON.stringify('['.repeat(2_000))],
    [
      'a thousand levels',
      `${'['.repeat(1_000)}${']'.repeat(1_000)}`,
      `${'['.repeat(1_000)}${']'.repeat(1_000)}`,
    ],
    ['an exponent', '1e30', `1${'0'.repeat(30)}`],
    ['ten thousand digits', `1${'0'.repeat(9_999)}`, `1${'0'.repeat(9_999)}`],
    ['a large exponent', '1e999', `1${'0'.repeat(999)}`],
  ])('takes %s', async (_, text, printed) => {
    expect(await received(text)).toEqual([printed])
  })
})
