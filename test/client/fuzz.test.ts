// Whatever anybody passes is refused with a code or stored as it was; and TypeScript and SQL judge alike. The seed is
// fixed, so that a failure comes again; KONGTASK_FUZZ_SEED=<number> and KONGTASK_FUZZ_RUNS try others.
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { defineTask, KongTask, KongTaskError } from 'kongtask'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalogue } from '../../src/core/error-catalogue.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const seed = Number(process.env['KONGTASK_FUZZ_SEED'] ?? 20_261_122)
const numRuns = Number(process.env['KONGTASK_FUZZ_RUNS'] ?? 1_000)
const settings = { seed, numRuns, verbose: fc.VerbosityLevel.None }
const PATIENCE = 300_000

let database: TestDatabase
let kong: KongTask
let client: PoolClient
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled)
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
  client = await database.pool.connect()
  // Time stands still, so that what is added now and what is added later fall due at the same moment.
  await database.pool.query(`create or replace function kongtask.clock() returns timestamptz
    language sql volatile parallel safe return timestamptz '2026-11-22T12:34:56.789012Z'`)
})
afterAll(async () => {
  process.off('unhandledRejection', onUnhandled)
  client.release()
  await database.drop()
})

// ---- What is passed

const ODD = [
  '',
  ' ',
  'a',
  '0',
  '\0',
  '\n',
  '\u2028',
  '\u0001',
  '"',
  '\\',
  String.raw`\u0000`,
  String.raw`\ud800`,
  '\ud83d',
  '\udc8c',
  '💌',
  'e\u0301',
  '\u200d',
  '\ufeff',
  '\uffff',
  'ü',
  '٣',
  '__proto__',
  'constructor',
]
const odd = fc.constantFrom(...ODD)
const text = fc.oneof(
  fc.array(odd, { maxLength: 5 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 20 }),
)
/** Text whose length in bytes, characters or UTF-16 units is at a limit. */
const long = fc
  .record({
    unit: fc.constantFrom('x', 'ü', '€', '💌', '\\', '"', '\n'),
    bytes: fc.constantFrom(99, 100, 101, 127, 128, 129, 200, 400, 404, 511, 512, 513, 1_024),
    tail: fc.constantFrom('', 'x'),
  })
  .map(({ unit, bytes, tail }) => unit.repeat(Math.floor(bytes / Buffer.byteLength(unit))) + tail)
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'send_email', 'app:mail/v-2.x', 'x'.repeat(128)) },
  { weight: 1, arbitrary: long },
  { weight: 1, arbitrary: text },
)
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 15, 16, 0.5, 0.49999999999999994, 2.5, 1e-7, 5e-324, 1e21, 1e308, -1e308),
  fc.constantFrom(
    32_767,
    32_768,
    2 ** 31,
    2 ** 53,
    2 ** 53 + 2,
    2 ** 63,
    3_155_760_000_000,
    3_155_760_000_001,
  ),
  fc.integer({ min: -5, max: 20 }),
  fc.double(),
)
const jsonNumber = number.filter(Number.isFinite)
const leaf = fc.oneof(jsonNumber, text, fc.boolean(), fc.constant(null))
const key = fc.oneof(odd, text, fc.constantFrom('a', 'b', '__proto__', 'toString', 'length', 'toJSON'))
/** An object with these as properties of its own, `__proto__` too. */
const objectOf = (entries: readonly (readonly [string, unknown])[]): object => {
  const object = {}
  for (const [property, value] of entries)
    Object.defineProperty(object, property, { value, enumerable: true, configurable: true, writable: true })
  return object
}
const nested = (levels: number, object: boolean): unknown =>
  JSON.parse(
    object ? '{"a":'.repeat(levels) + '1' + '}'.repeat(levels) : '['.repeat(levels) + ']'.repeat(levels),
  )
/** Plain JSON: what both TypeScript and SQL can be given. */
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    { weight: 2, arbitrary: fc.array(tie('json'), { maxLength: 4 }) },
    { weight: 2, arbitrary: fc.array(fc.tuple(key, tie('json')), { maxLength: 4 }).map(objectOf) },
  ),
}))
const sized = fc.constantFrom<() => unknown>(
  () => nested(999, false),
  () => nested(1_000, false),
  () => nested(1_001, false),
  () => nested(1_000, true),
  () => nested(1_001, true),
  () => nested(3_000, true),
  () => 'x'.repeat(1024 * 1024 - 2),
  () => 'x'.repeat(1024 * 1024 - 1),
  () => 'ü'.repeat(512 * 1024 - 1),
  () => 'ü'.repeat(512 * 1024),
  () => '\n'.repeat(512 * 1024 - 1),
  () => '\n'.repeat(512 * 1024),
  () => Array.from({ length: 30_000 }, () => 1e308),
  // Spaces that jsonb prints do not count: 1 MiB sharp, and a byte more.
  () => Array.from({ length: 524_287 }, () => 1).concat(10),
  () => Array.from({ length: 524_287 }, () => 1).concat(100),
)
const payload = fc.oneof(
  { weight: 30, arbitrary: json },
  { weight: 1, arbitrary: sized.map((make) => make()) },
)

const durationText = fc.oneof(
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.nat(200).map(String), fc.constantFrom('0.5', '1.', '.5', '007', '1e3', '٣', '', '-1')),
        fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w', 'y', 'M', ''),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => parts.map((part) => part.join('')).join('')),
  fc.constantFrom(
    '36525d',
    '36525d1ms',
    '36525d0.4ms',
    '5217w6d',
    '1h 30m',
    ' 1s',
    '1s\n',
    '0.0004ms',
    '0.5ms',
    '0.49999999999999994ms',
    `${'9'.repeat(99)}s`,
    `${'0'.repeat(98)}1s`,
    `${'0'.repeat(99)}1s`,
  ),
)
const duration = fc.oneof(
  { weight: 3, arbitrary: number },
  { weight: 3, arbitrary: durationText },
  { weight: 1, arbitrary: leaf },
)
const two = (max: number): fc.Arbitrary<string> => fc.nat(max).map((n) => String(n).padStart(2, '0'))
const instantText = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('2026', '2024', '1900', '2000', '0001', '0000', '9999', '1582', '10000', '26', '-001'),
      two(13),
      two(32),
      fc.constantFrom('T', ' ', 't', '_'),
      two(24),
      two(60),
      fc.oneof(
        fc.constant(''),
        two(61).map((s) => `:${s}`),
        fc
          .tuple(two(59), fc.constantFrom('.', ','), fc.stringMatching(/^[0-9]{1,10}$/))
          .map(([s, point, digits]) => `:${s}${point}${digits}`),
      ),
      fc.constantFrom(
        'Z',
        'z',
        '+00',
        '-00:00',
        '+05:30',
        '-0930',
        '+15:59',
        '-15:59',
        '+16',
        '+1',
        '',
        '+14:60',
        ' Z',
      ),
    )
    .map(([y, mo, d, t, h, mi, s, o]) => `${y}-${mo}-${d}${t}${h}:${mi}${s}${o}`),
  fc.constantFrom(
    '0000-12-31T23:59:59-00:01',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59.9999999Z',
    '9999-12-31T23:59:59-00:01',
    'tomorrow',
    'now',
    'infinity',
    '2026-02-29T00:00Z',
    '2024-02-29T00:00Z',
  ),
)
const instant = fc.oneof({ weight: 8, arbitrary: instantText }, { weight: 1, arbitrary: leaf })
const label = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'two words', '💌') }, text, long, leaf)
const labels = fc.oneof(
  { weight: 4, arbitrary: fc.array(label, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(32, 33).map((n) => Array.from({ length: n }, (_, i) => `t${i}`)) },
  { weight: 1, arbitrary: leaf },
)
const keyText = fc.oneof({ weight: 2, arbitrary: fc.constantFrom('k', 'order 7', 'ü') }, long, text, leaf)
const integer = fc.oneof(fc.integer({ min: 0, max: 16 }), number, leaf)
const metadata = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.tuple(key, json), { maxLength: 3 }).map(objectOf) },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.constantFrom(16_376, 16_377).map((n) => ({ a: 'x'.repeat(n) })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(2_339, 2_340, 2_341)
      .map((n) => ({ a: Array.from({ length: n }, () => 1e300) })),
  },
  { weight: 1, arbitrary: fc.constantFrom(999, 1_000, 1_001).map((n) => nested(n, true)) },
)
/** Members of an object, each of them nearly always sound; some left out, now and then a strange one beside. */
const membersOf = (members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> =>
  fc
    .tuple(
      ...Object.entries(members).map(([member, value]) =>
        fc.option(
          value.map((given): [string, unknown] => [member, given]),
          { nil: undefined, freq: 3 },
        ),
      ),
      fc.option(fc.tuple(key, leaf), { nil: undefined, freq: 20 }),
    )
    .map((entries) => objectOf(entries.filter((one) => one !== undefined)))
const most = fc.constantFrom(1, 5, 99_999, 100_000, 100_001, 999_999, 1_000_000, 1_000_001)
const atMost = fc.oneof({ weight: 4, arbitrary: most }, { weight: 1, arbitrary: integer })
const scope = {
  key: keyText,
  by: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'a.b', '0', 'a.-1.b', '.', '.a', 'a.', 'a..b', 'ü.💌') },
    { weight: 1, arbitrary: keyText },
  ),
}
const soundPer = fc.constantFrom<unknown>('1m', 1, '36525d', '0.5ms', 60_000)
const concurrency = fc.oneof(
  { weight: 2, arbitrary: atMost },
  { weight: 6, arbitrary: membersOf({ limit: atMost, ...scope }) },
  { weight: 1, arbitrary: json },
)
const rateLimit = fc.oneof(
  {
    weight: 8,
    arbitrary: membersOf({
      limit: atMost,
      per: fc.oneof({ weight: 3, arbitrary: soundPer }, { weight: 1, arbitrary: duration }),
      burst: atMost,
      ...scope,
    }),
  },
  { weight: 1, arbitrary: json },
)
const timeToKeep = fc.oneof(
  { weight: 4, arbitrary: soundPer },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: duration },
)
const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  scheduledIn: duration,
  scheduledAt: instant,
  queue: fc.oneof(name, leaf),
  maxAttempts: integer,
  priority: integer,
  tags: labels,
  timeout: duration,
  retain: fc.oneof(
    { weight: 3, arbitrary: duration },
    { weight: 1, arbitrary: fc.boolean() },
    {
      weight: 5,
      arbitrary: membersOf({ finished: timeToKeep, dead: timeToKeep, logs: timeToKeep }),
    },
    { weight: 1, arbitrary: json },
  ),
  metadata,
  uniqueKey: keyText,
  uniqueFor: duration,
  onConflict: fc.oneof(fc.constantFrom('skip', 'replace', 'keep_schedule'), leaf),
  serialKey: keyText,
  concurrency,
  rateLimit,
  flags: labels,
  version: integer,
  scheduleIn: leaf,
  __proto__0: leaf,
}
const someOptions = fc
  .uniqueArray(fc.constantFrom(...Object.keys(VALUES)), { maxLength: 3 })
  .chain((names) =>
    fc.tuple(
      ...names.map((option) =>
        (VALUES[option] ?? leaf).map((value): [string, unknown] => [
          option === '__proto__0' ? '__proto__' : option,
          value,
        ]),
      ),
    ),
  )
  // In the order in which jsonb keeps keys, so that of two mistakes both sides meet the same one first.
  .map((entries) => objectOf(entries.toSorted(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))))
const options = fc.oneof(
  { weight: 12, arbitrary: someOptions },
  { weight: 1, arbitrary: leaf },
  { weight: 1, arbitrary: json },
)

// ---- What comes of it

/** The code with which a call was refused, or what was stored. */
type Verdict = { readonly refused: string } | { readonly stored: unknown }

/** What the tables hold of the jobs that this transaction has added, ids aside; a new task has another each time. */
async function stored(
  statuses: readonly { readonly id: string; readonly status: string }[],
): Promise<unknown> {
  const { rows } = await client.query(
    `select t.name as task, q.name as queue, j.payload::text, j.run_at::text, j.lane, j.max_attempts, j.retain_s,
            j.extras::text, j.serial_key, u.key, u.until::text,
            replace(j.limits::text, ':task:' || j.task_id || '"', ':task"') as limits,
            replace(j.waits_for, ':task:' || j.task_id, ':task') as waits_for
       from kongtask.jobs j
       join kongtask.tasks t on t.id = j.task_id
       join kongtask.queues q on q.id = j.queue_id
       left join kongtask.unique_keys u on u.job_id = j.id
      where j.id = any ($1) order by j.id`,
    [statuses.map(({ id }) => id)],
  )
  return { statuses: statuses.map(({ status }) => status), rows }
}

/** In a transaction that is rolled back: nothing of one case meets another. */
async function judged(add: () => Promise<readonly { id: string; status: string }[]>): Promise<Verdict> {
  await client.query('begin')
  try {
    const added = await add()
    return { stored: await stored(added) }
  } catch (error) {
    return { refused: refusal(error) }
  } finally {
    await client.query('rollback')
  }
}

/** The code, and the entry that is at fault; anything that is not ours fails the test. */
function refusal(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) throw error
  const [, own, message] =
    error instanceof KongTaskError
      ? [undefined, error.code, error.message]
      : (/^(KT_[A-Z_]+): (.*)$/s.exec(error.message) ?? [])
  if (own === undefined || !(own in catalogue)) throw error
  if (!(error instanceof KongTaskError) && error.code !== 'KT001') throw error
  return `${own} ${/entry \d+/.exec(message ?? '')?.[0] ?? ''}`.trim()
}

/** By name, whether there is a key for `onConflict` is the database's to say: later than the rest, and of no entry. */
function leavesKeyToDatabase(entries: unknown): boolean {
  return (
    Array.isArray(entries) &&
    entries.some((one: unknown) => {
      const { onConflict, uniqueKey, uniqueFor } = Object(one)
      return onConflict !== undefined && uniqueKey === undefined && uniqueFor === undefined
    })
  )
}

/** JSON text of an argument for SQL; undefined where PostgreSQL could not read it as jsonb. */
function argument(value: unknown): string | undefined {
  const written = JSON.stringify(value)
  return /\\u0000|\\ud[89a-f]/.test(written.replaceAll('\\\\', '')) ? undefined : written
}

/** Adds one job both ways, and says what became of it. */
async function addBothWays(task: unknown, given: unknown, said: unknown): Promise<string> {
  const byTypeScript = await judged(async () => [
    await Reflect.apply(kong.with(client).addJob, undefined, [task, given, said]),
  ])
  const kind = 'refused' in byTypeScript ? byTypeScript.refused : 'stored'
  const [a, b] = [argument(given), argument(said)]
  if (typeof task !== 'string') assert.equal(kind, 'KT_TASK_INVALID')
  else if (argument(task) === undefined) assert.equal(kind, 'KT_NAME_INVALID')
  else if (a === undefined || b === undefined) assert.match(kind, /^KT_/)
  else {
    const bySql = await judged(async () => {
      const { rows } = await client.query('select * from kongtask.add_job($1, $2, $3)', [task, a, b])
      return rows
    })
    assert.deepEqual(bySql, byTypeScript)
  }
  return kind
}

it(
  'one job: TypeScript and SQL refuse the same with the same code, and store the same',
  { timeout: PATIENCE },
  async () => {
    const counts = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 12, arbitrary: name }, { weight: 1, arbitrary: leaf }),
        payload,
        options,
        async (task, given, said) => {
          const kind = await addBothWays(task, given, said)
          counts.set(kind, (counts.get(kind) ?? 0) + 1)
        },
      ),
      settings,
    )
    // Not all of one kind.
    expect(counts.get('stored')).toBeGreaterThan(numRuns / 10)
    expect(counts.size).toBeGreaterThan(6)
  },
)

const entry = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .tuple(name, fc.option(json, { nil: undefined }), someOptions)
      .map(([task, given, said]) => ({
        ...said,
        task,
        ...(given === undefined ? {} : { payload: given }),
      })),
  },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.record({ payload: json }) },
  { weight: 1, arbitrary: fc.record({ task: leaf }) },
)

/** Adds the jobs of a text both ways. */
async function addListBothWays(written: string): Promise<void> {
  const byTypeScript = await judged(() =>
    Reflect.apply(kong.with(client).addJobs, undefined, [JSON.parse(written)]),
  )
  if (argument(JSON.parse(written)) === undefined) {
    assert.ok('refused' in byTypeScript)
    return
  }
  const bySql = await judged(async () => {
    const statement = 'select id, status from kongtask.add_jobs($1) order by ordinal'
    return (await client.query(statement, [written])).rows
  })
  if (leavesKeyToDatabase(JSON.parse(written))) {
    assert.ok('refused' in byTypeScript)
    assert.ok('refused' in bySql)
  } else {
    assert.deepEqual(bySql, byTypeScript)
  }
}

it('many jobs, as JSON text: the same, down to the entry that is named', { timeout: PATIENCE }, async () => {
  const lists = fc.oneof(
    { weight: 10, arbitrary: fc.array(entry, { maxLength: 4 }).map((entries) => JSON.stringify(entries)) },
    { weight: 1, arbitrary: json.map((value) => JSON.stringify(value)) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '[{"task":"a","task":"b"}]',
        '[{"task":"a","priority":1e400}]',
        '[{"task":"a","priority":1e-400}]',
        '[{"task":"a","priority":2.0}]',
        '[{"task":"a","priority":2.00000000000000000001}]',
        '[{"task":"a","scheduledIn":1e400}]',
        '[{"task":"a","scheduledIn":-1e-400}]',
        '[{"task":"a","timeout":1e-400}]',
        '[{"task":"a","timeout":-0}]',
        '[{"task":"a","retain":1e1000}]',
        '[{"task":"a","maxAttempts":1e4}]',
        '[{"task":"a","maxAttempts":"1"}]',
        '[{"task":"a"},{"task":"b","uniqueKey":"k"},{"task":"b","uniqueKey":"k"}]',
        '[{"task":"a","uniqueKey":"k","onConflict":"replace"},{"task":"a","uniqueKey":"k","onConflict":"replace","priority":7}]',
        '[{"task":"a","uniqueFor":"1m"},{"task":"a","uniqueFor":"1m","payload":{}}]',
        '[{"task":"a","metadata":{"a":1,"a":2}}]',
        '[{"task":"a","payload":{"a":1,"a":2}}]',
        '[{"task":"a","serialKey":"s"},{"task":"a","serialKey":"s"}]',
        '[{"task":"a","onConflict":"skip"}]',
        '[{"task":"a","concurrency":2.0},{"task":"a","concurrency":{"limit":2}},{"task":"a","concurrency":1e5}]',
        '[{"task":"a","concurrency":{"limit":2,"by":"t"},"payload":{"t":1.5}},{"task":"a","concurrency":{"by":"t","limit":2}}]',
        '[{"task":"a","rateLimit":{"limit":1,"limit":2,"per":"1s"}}]',
        '[{"task":"a","rateLimit":{"limit":1,"per":1e400}}]',
        '[{"task":"a","rateLimit":{"limit":1,"per":"1s","key":"k","by":"t"}}]',
        '[{"task":"a","rateLimit":{"limit":1,"per":"1s","Burst":1}}]',
        '[null]',
        '[[]]',
        ' [ ] ',
      ),
    },
  )
  await fc.assert(fc.asyncProperty(lists, addListBothWays), settings)
})

// ---- What only JavaScript can pass

/** Made when it is passed, because fast-check looks into what it generates. */
class Made {
  readonly make: () => unknown
  readonly #shown: unknown
  constructor(make: () => unknown, shown: unknown = make) {
    this.make = make
    this.#shown = shown
  }
  [fc.toStringMethod](): string {
    return typeof this.#shown === 'function' ? this.#shown.toString() : fc.stringify(this.#shown)
  }
}

const made = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Made> =>
  arbitrary.map((value) => new Made(() => value, value))

function hostile(): fc.Arbitrary<Made> {
  const fail = (): never => {
    throw new TypeError('nobody looks in here')
  }
  let flips = 0
  const revoked = (): unknown => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  return fc
    .constantFrom<() => unknown>(
      () => new Proxy({}, { ownKeys: fail }),
      () => new Proxy({ a: 1 }, { get: fail }),
      () => new Proxy({ a: 1 }, { has: fail }),
      () => new Proxy({ a: 1 }, { getPrototypeOf: fail }),
      () => new Proxy({ queue: 'q' }, {}),
      () => new Proxy([], { get: fail }),
      () => new Proxy(['a'], {}),
      () => new Proxy(new Date(0), {}),
      revoked,
      () => Object.create(Date.prototype),
      () => Object.defineProperty({}, 'queue', { get: fail, enumerable: true }),
      () =>
        Object.defineProperty({}, 'queue', { get: () => (flips++ % 2 === 0 ? 'q' : 5), enumerable: true }),
      () => Object.defineProperty({}, 'queue', { value: 'q' }),
      () => ({ toJSON: fail }),
      () => ({ toJSON: () => undefined }),
      () => ({ toJSON: () => ({ toJSON: 1, a: 2 }) }),
      () => ({ toJSON: () => (flips++ % 2 === 0 ? 1 : Number.NaN) }),
      () => ({ [Symbol('hidden')]: 1, a: 1 }),
      () => ({ toString: fail, valueOf: fail }),
      () => Object.assign(new Error('x'), { message: { not: 'text' } }),
      () => Object.create(null),
      () => JSON.parse('{"__proto__":{"queue":"polluted"}}'),
      () => Object.create({ queue: 'inherited' }),
      () =>
        new (class Mail {
          queue = 'q'
        })(),
      () => Object.assign([0], { length: 3 }),
      () => Object.assign([1, 2], { extra: 3 }),
      () => Array.from({ length: 33 }),
      () => Object.assign([], { length: 33 }),
      () => Symbol('x'),
      () => 10n ** 30n,
      () => () => 1,
      () => undefined,
      () => Number.NaN,
      () => -Infinity,
      () => new Date(8.64e15),
      () => new Date(253_402_300_799_999),
      () => new Date(253_402_300_800_000),
      () => new Date(-62_135_596_800_000),
      () => new Date(-62_135_596_800_001),
      () => new String('boxed'),
      () => Object(5n),
      () => new Map([['a', 1]]),
      () => new Uint8Array(3),
      () => /x/g,
      () => Promise.resolve(1),
      () => new WeakMap(),
      () => globalThis,
      () => process,
      () => ({ '~task': 1 }),
      () => ({ '~task': 1, name: 'a', defaults: null }),
      () => ({ '~task': 1, name: 'a', defaults: { queue: 5 } }),
      () => ({ '~task': 1, name: 'a', defaults: {}, schema: {} }),
      () => {
        const circle: unknown[] = []
        circle.push({ circle })
        return circle
      },
    )
    .map((make) => new Made(make))
}

const anything = fc.oneof(
  { weight: 2, arbitrary: hostile() },
  {
    weight: 1,
    arbitrary: made(
      fc.anything({
        withBigInt: true,
        withBoxedValues: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withNullPrototype: true,
        withObjectString: true,
        withSparseArray: true,
        withTypedArray: true,
        maxDepth: 3,
      }),
    ),
  },
  { weight: 1, arbitrary: made(text) },
)
const oddOptions = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.keys(VALUES)), anything)
      .map(([option, value]) => new Made(() => objectOf([[option, value.make()]]), [option, value])),
  },
  { weight: 1, arbitrary: made(someOptions) },
  { weight: 1, arbitrary: anything },
)
const TASKS = ['a', defineTask('b', { priority: 2 }), defineTask('c', { raw: true })] as const
const task = fc.oneof(
  { weight: 6, arbitrary: made(fc.constantFrom(...TASKS)) },
  { weight: 1, arbitrary: anything },
)
const calls = fc.oneof(
  fc
    .tuple(task, fc.oneof(anything, made(payload)), oddOptions)
    .map((args) => ({ call: 'addJob' as const, args })),
  fc.tuple(task, fc.oneof(anything, made(payload))).map((args) => ({ call: 'addJob' as const, args })),
  fc.array(anything, { maxLength: 5 }).map((args) => ({ call: 'addJob' as const, args })),
  fc
    .oneof(
      anything,
      fc
        .array(fc.oneof(anything, made(entry)), { maxLength: 3 })
        .map((entries) => new Made(() => entries.map(({ make }) => make()), entries)),
    )
    .map((jobs) => ({ call: 'addJobs' as const, args: [jobs] })),
)

/** Adds, and looks at what came of it; answers the statuses, none where it was refused. */
async function addAnything(
  call: 'addJob' | 'addJobs',
  args: readonly unknown[],
  onTransaction: boolean,
): Promise<readonly string[]> {
  const before = JSON.stringify(await counted())
  const adder = onTransaction ? kong.with(client) : kong
  if (onTransaction) await client.query('begin')
  let answer: unknown
  try {
    answer = await Reflect.apply(adder[call], undefined, args)
  } catch (error) {
    if (onTransaction) await client.query('rollback')
    assert.equal(JSON.stringify(await counted()), before)
    // What a list of the caller's own throws while it is read is the caller's, as with a generator.
    if (call === 'addJob' || !isCallersOwn(error)) {
      assert.ok(error instanceof KongTaskError, error instanceof Error ? error.stack : String(error))
      assert.ok(Object.hasOwn(catalogue, error.code))
    }
    return []
  }
  if (onTransaction) await client.query('commit')
  const jobs = addedJobs(answer)
  for (const { id, status } of jobs) {
    const job = await kong.jobs.get(id)
    assert.ok(job !== undefined)
    if (call === 'addJob' && status === 'added')
      assert.equal(normal(job.payload), normal(expectedPayload(args)))
  }
  return jobs.map(({ status }) => status)
}

it(
  'anything at all, in a transaction of its own and on that of the caller: refused with a code, or stored whole',
  { timeout: PATIENCE },
  async () => {
    let added = 0
    let refused = 0
    await database.pool.query('truncate kongtask.jobs, kongtask.unique_keys')
    await fc.assert(
      fc.asyncProperty(calls, fc.boolean(), async ({ call, args }, onTransaction) => {
        const values = args.map(({ make }) => make())
        const statuses = await addAnything(call, values, onTransaction)
        added += statuses.filter((status) => status === 'added').length
        refused += statuses.length === 0 ? 1 : 0
      }),
      settings,
    )
    expect(await counted()).toEqual({ jobs: added, orphans: 0, keyless: 0 })
    expect(added).toBeGreaterThan(numRuns / 20)
    expect(refused).toBeGreaterThan(numRuns / 4)
    expect(Reflect.get({}, 'queue')).toBeUndefined()
    // Every connection is in good order, none is missing, and none was left in a transaction.
    await Promise.all(
      Array.from({ length: 9 }, async () => {
        const { rows } = await database.pool.query<{ one: number }>('select 1 as one')
        expect(rows).toEqual([{ one: 1 }])
      }),
    )
    const { rows } = await database.pool.query(
      `select count(*)::int as open from pg_stat_activity where datname = current_database() and state like 'idle in%'`,
    )
    expect(rows).toEqual([{ open: 0 }])
    expect(unhandled).toEqual([])
  },
)

/** Jobs, keys without a job, and jobs without their key. */
async function counted(): Promise<unknown> {
  const { rows } = await database.pool.query(
    `select (select count(*)::int from kongtask.jobs) as jobs,
            (select count(*)::int from kongtask.unique_keys u where not exists
              (select from kongtask.jobs j where j.id = u.job_id)) as orphans,
            (select count(*)::int from kongtask.jobs j where extras ? 'uniqueKey' and not exists
              (select from kongtask.unique_keys u where u.task_id = j.task_id and u.key = j.extras ->> 'uniqueKey')) as keyless`,
  )
  return rows[0]
}

function isCallersOwn(error: unknown): boolean {
  return error instanceof TypeError && /nobody looks in here|has been revoked/.test(error.message)
}

function addedJobs(answer: unknown): readonly { id: string; status: string }[] {
  const list: unknown[] = Array.isArray(answer) ? answer : [answer]
  return list.map((one) => {
    const { id, status } = Object(one)
    expect(id).toMatch(/^\d+$/)
    expect(['added', 'skipped', 'replaced']).toContain(status)
    return { id, status }
  })
}

function expectedPayload([first, given]: readonly unknown[]): unknown {
  if (given === undefined) return {}
  return typeof first === 'object' && first !== null && Reflect.get(first, 'raw') === true
    ? JSON.parse(typeof given === 'string' ? given : '')
    : JSON.parse(JSON.stringify(given))
}

/** JSON text with its keys in order. */
function normal(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? objectOf(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}
