// Everything that an application can get wrong at the door, as a table: what it did, and the code that it must
// get. Free of any database, so that it can be tried on a client that has none.
import { defineTask, newJob, type ErrorCode, type KongTask } from 'kongtask'
import { z } from 'zod'

/** Calls one of the client's functions as JavaScript would, without the compiler in between. */
type Attempt = (kong: KongTask) => unknown

export interface BadInput {
  /** What somebody did. */
  readonly name: string
  readonly code: ErrorCode
  readonly attempt: Attempt
  /** What was passed, where it was passed to one of the two calls by name: SQL can be given the same. */
  readonly passed?: Passed | undefined
}

export type Passed =
  | { readonly call: 'addJob'; readonly args: readonly unknown[] }
  | { readonly call: 'addJobs'; readonly args: readonly [unknown] }

export const mail = defineTask('mail', {
  payload: z.object({ to: z.email(), at: z.iso.datetime().optional(), n: z.number().optional() }),
})
const checked = defineTask('checked', {
  payload: z.object({ name: z.string().refine(async (name) => name !== 'taken', 'is taken') }),
})
const sound = { to: 'ada@example.org' }

const passed = new WeakMap<Attempt, Passed>()

function addJob(...args: readonly unknown[]): Attempt {
  const attempt: Attempt = (kong) => Reflect.apply(kong.addJob, undefined, args)
  passed.set(attempt, { call: 'addJob', args })
  return attempt
}

function addJobs(jobs: unknown): Attempt {
  const attempt: Attempt = (kong) => Reflect.apply(kong.addJobs, undefined, [jobs])
  passed.set(attempt, { call: 'addJobs', args: [jobs] })
  return attempt
}

function limitQueue(...args: readonly unknown[]): Attempt {
  return (kong) => Reflect.apply(Reflect.get(kong.queues, 'limit'), kong.queues, args)
}

const withTx =
  (tx: unknown): Attempt =>
  (kong) =>
    Reflect.apply(Reflect.get(kong, 'with'), kong, [tx]).addJob('mail')

type Row = readonly [name: string, code: ErrorCode, attempt: Attempt]

function deepObject(levels: number): unknown {
  return JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels))
}

/** The handler of a proxy whose properties may not be looked at. */
function unreadable(): ProxyHandler<object> {
  return {
    get: () => {
      throw new TypeError('nobody looks in here')
    },
  }
}

function payloads(): readonly Row[] {
  const circle: Record<string, unknown> = {}
  circle['self'] = [circle]
  let deep: unknown = []
  for (let level = 0; level < 2_000; level++) deep = [deep]
  const holed: number[] = []
  holed[1] = 1
  const bad: readonly (readonly [name: string, value: unknown])[] = [
    ['a circular object', circle],
    ['a BigInt', { id: 12n }],
    ['a function', { callback: () => 1 }],
    ['a function as the whole payload', () => 1],
    ['a symbol', { kind: Symbol('x') }],
    ['a Date of a bad time', { at: new Date('soon') }],
    ['a Date of a bad time as the whole payload', new Date(Number.NaN)],
    ['NaN', { n: Number.NaN }],
    ['Infinity', { n: Infinity }],
    ['undefined in an array', [undefined]],
    ['a hole in an array', holed],
    ['a Map', { map: new Map([['a', 1]]) }],
    ['a Set', new Set([1])],
    ['an Error', { error: new Error('x') }],
    ['a Promise that somebody forgot to await', Promise.resolve(sound)],
    ['bytes', { file: new Uint8Array([1, 2]) }],
    ['a regular expression', { match: /x/ }],
    ['\\u0000 in a string', { text: 'a\0b' }],
    ['\\u0000 in a key', { 'a\0b': 1 }],
    ['half a surrogate pair', { text: '\ud83d' }],
    ['half a surrogate pair in a key', { '\udc00': 1 }],
    ['nested two thousand levels deep', deep],
    ['a toJSON method that throws', { toJSON: () => BigInt('x') }],
    ['a toJSON method that answers nothing', { toJSON: () => undefined }],
  ]
  return [
    ...bad.map(([name, value]): Row => [`payload: ${name}`, 'KT_PAYLOAD_NOT_JSON', addJob('by-name', value)]),
    [
      'payload: not JSON, for a task with a schema',
      'KT_PAYLOAD_NOT_JSON',
      addJob(mail, { ...sound, n: Number.NaN }),
    ],
    ['payload: of the wrong type', 'KT_PAYLOAD_INVALID', addJob(mail, { to: 5 })],
    ['payload: of a wrong value', 'KT_PAYLOAD_INVALID', addJob(mail, { to: 'nobody' })],
    ['payload: missing a property', 'KT_PAYLOAD_INVALID', addJob(mail, {})],
    ['payload: missing', 'KT_PAYLOAD_INVALID', addJob(mail)],
    ['payload: null', 'KT_PAYLOAD_INVALID', addJob(mail, null)],
    ['payload: an array for an object', 'KT_PAYLOAD_INVALID', addJob(mail, [sound])],
    ['payload: refused by an asynchronous schema', 'KT_PAYLOAD_INVALID', addJob(checked, { name: 'taken' })],
    [
      'payload: more than 1 MiB',
      'KT_PAYLOAD_TOO_LARGE',
      addJob('by-name', { text: 'x'.repeat(1024 * 1024) }),
    ],
    [
      'payload: more than 1 MiB in UTF-8 only',
      'KT_PAYLOAD_TOO_LARGE',
      addJob('by-name', 'ä'.repeat(600_000)),
    ],
  ]
}

const names: readonly Row[] = [
  ['task: empty name', 'KT_NAME_INVALID', addJob('')],
  ['task: over-long name', 'KT_NAME_INVALID', addJob('x'.repeat(129))],
  ['task: a name with a space', 'KT_NAME_INVALID', addJob('send mail')],
  ['task: a name with an accent', 'KT_NAME_INVALID', addJob('sänd')],
  ['task: a name with \\u0000', 'KT_NAME_INVALID', addJob('mail\0')],
  ['task: a name with a line break', 'KT_NAME_INVALID', addJob('mail\n')],
  ['task: missing', 'KT_TASK_INVALID', addJob()],
  ['task: null', 'KT_TASK_INVALID', addJob(null, {})],
  ['task: a number', 'KT_TASK_INVALID', addJob(5, {})],
  [
    'task: an object that only looks like one',
    'KT_TASK_INVALID',
    addJob({ name: 'mail', defaults: {}, schema: undefined }),
  ],
  ['task: a handler function', 'KT_TASK_INVALID', addJob(() => 1)],
  ['queue: empty', 'KT_NAME_INVALID', addJob('mail', {}, { queue: '' })],
  ['queue: over-long', 'KT_NAME_INVALID', addJob('mail', {}, { queue: 'x'.repeat(129) })],
  ['queue: hostile', 'KT_NAME_INVALID', addJob('mail', {}, { queue: "x'; drop table users; --" })],
  ['queue: null', 'KT_NAME_INVALID', addJob('mail', {}, { queue: null })],
  ['tags: an empty one', 'KT_NAME_INVALID', addJob('mail', {}, { tags: ['a', ''] })],
  ['tags: an over-long one', 'KT_NAME_INVALID', addJob('mail', {}, { tags: ['x'.repeat(101)] })],
  ['tags: one with \\u0000', 'KT_NAME_INVALID', addJob('mail', {}, { tags: ['a\0'] })],
  ['tags: a number', 'KT_NAME_INVALID', addJob('mail', {}, { tags: [5] })],
]

const options: readonly Row[] = [
  ['options: null', 'KT_OPTION_INVALID', addJob('mail', {}, null)],
  ['options: a string', 'KT_OPTION_INVALID', addJob('mail', {}, '5m')],
  ['options: an array', 'KT_OPTION_INVALID', addJob('mail', {}, [])],
  ['options: a class instance', 'KT_OPTION_INVALID', addJob('mail', {}, new Map())],
  ['options: misspelt', 'KT_OPTION_UNKNOWN', addJob('mail', {}, { scheduleIn: '5m' })],
  ['options: of another system', 'KT_OPTION_UNKNOWN', addJob('mail', {}, { run_at: '5m' })],
  ['options: in SQL case', 'KT_OPTION_UNKNOWN', addJob('mail', {}, { max_attempts: 5 })],
  ['options: __proto__', 'KT_OPTION_UNKNOWN', addJob('mail', {}, JSON.parse('{"__proto__": {}}'))],
  ['maxAttempts: negative', 'KT_OPTION_INVALID', addJob('mail', {}, { maxAttempts: -1 })],
  ['maxAttempts: zero', 'KT_OPTION_INVALID', addJob('mail', {}, { maxAttempts: 0 })],
  ['maxAttempts: fractional', 'KT_OPTION_INVALID', addJob('mail', {}, { maxAttempts: 2.5 })],
  ['maxAttempts: too many', 'KT_OPTION_INVALID', addJob('mail', {}, { maxAttempts: 32_768 })],
  ['maxAttempts: a string', 'KT_OPTION_INVALID', addJob('mail', {}, { maxAttempts: '5' })],
  ['priority: negative', 'KT_OPTION_INVALID', addJob('mail', {}, { priority: -1 })],
  ['priority: out of range', 'KT_OPTION_INVALID', addJob('mail', {}, { priority: 16 })],
  ['priority: NaN', 'KT_OPTION_INVALID', addJob('mail', {}, { priority: Number.NaN })],
  ['version: zero', 'KT_OPTION_INVALID', addJob('mail', {}, { version: 0 })],
  ['version: fractional', 'KT_OPTION_INVALID', addJob('mail', {}, { version: 1.5 })],
  ['version: a string', 'KT_OPTION_INVALID', addJob('mail', {}, { version: '2' })],
  ['version: too large', 'KT_OPTION_INVALID', addJob('mail', {}, { version: 2_147_483_648 })],
  ['tags: a string', 'KT_OPTION_INVALID', addJob('mail', {}, { tags: 'a' })],
  ['tags: too many', 'KT_OPTION_INVALID', addJob('mail', {}, { tags: Array.from({ length: 33 }, String) })],
  ['metadata: an array', 'KT_OPTION_INVALID', addJob('mail', {}, { metadata: [1] })],
  ['metadata: not JSON', 'KT_OPTION_INVALID', addJob('mail', {}, { metadata: { n: 1n } })],
  ['metadata: with \\u0000', 'KT_OPTION_INVALID', addJob('mail', {}, { metadata: { a: '\0' } })],
  [
    'metadata: too large',
    'KT_OPTION_INVALID',
    addJob('mail', {}, { metadata: { a: 'x'.repeat(16 * 1024) } }),
  ],
  ...['uniqueKey', 'serialKey'].flatMap((option): Row[] => [
    [`${option}: empty`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: '' })],
    [`${option}: 513 bytes`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: 'x'.repeat(513) })],
    [
      `${option}: 513 bytes in UTF-8 only`,
      'KT_OPTION_INVALID',
      addJob('mail', {}, { [option]: `${'ü'.repeat(256)}x` }),
    ],
    [`${option}: a number`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: 7 })],
    [`${option}: an array`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: ['a', 'b'] })],
    [`${option}: null`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: null })],
    [`${option}: with \\u0000`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: 'a\0' })],
    [`${option}: half a surrogate pair`, 'KT_OPTION_INVALID', addJob('mail', {}, { [option]: '\ud83d' })],
  ]),
  [
    'onConflict: another word',
    'KT_OPTION_INVALID',
    addJob('mail', {}, { uniqueKey: 'k', onConflict: 'merge' }),
  ],
  [
    'onConflict: camel case',
    'KT_OPTION_INVALID',
    addJob('mail', {}, { uniqueKey: 'k', onConflict: 'keepSchedule' }),
  ],
  ['onConflict: null', 'KT_OPTION_INVALID', addJob('mail', {}, { uniqueKey: 'k', onConflict: null })],
  ['onConflict: without a key, by name', 'KT_OPTION_INVALID', addJob('mail', {}, { onConflict: 'replace' })],
  [
    'onConflict: without a key, with a contract',
    'KT_OPTION_INVALID',
    addJob(checked, { name: 'a' }, { onConflict: 'replace' }),
  ],
  ['flags: a string', 'KT_OPTION_INVALID', addJob('mail', {}, { flags: 'gpu' })],
  ['flags: too many', 'KT_OPTION_INVALID', addJob('mail', {}, { flags: Array.from({ length: 33 }, String) })],
  ['flags: an empty one', 'KT_NAME_INVALID', addJob('mail', {}, { flags: [''] })],
  ['flags: an over-long one', 'KT_NAME_INVALID', addJob('mail', {}, { flags: ['x'.repeat(101)] })],
  ['flags: null', 'KT_OPTION_INVALID', addJob('mail', {}, { flags: null })],
  ['metadata: null', 'KT_OPTION_INVALID', addJob('mail', {}, { metadata: null })],
  ['metadata: text', 'KT_OPTION_INVALID', addJob('mail', {}, { metadata: 'x' })],
  ['metadata: too deep', 'KT_OPTION_INVALID', addJob('mail', {}, { metadata: deepObject(1_001) })],
  [
    'options: one that cannot be read',
    'KT_OPTION_INVALID',
    addJob('mail', {}, new Proxy({ queue: 'q' }, unreadable())),
  ],
  [
    'tags: that cannot be read',
    'KT_OPTION_INVALID',
    addJob('mail', {}, { tags: new Proxy([], unreadable()) }),
  ],
  [
    'scheduledAt: a proxy of a Date',
    'KT_DATE_INVALID',
    addJob('mail', {}, { scheduledAt: new Proxy(new Date(), {}) }),
  ],
  [
    'scheduledIn and scheduledAt together',
    'KT_OPTION_INVALID',
    addJob('mail', {}, { scheduledIn: '1s', scheduledAt: new Date() }),
  ],
]

/** With a sound rest, so that it is what is wrong. */
function limits(option: string, rest: object): readonly Row[] {
  const given = (value: unknown): Attempt => addJob('mail', {}, { [option]: value })
  const withMember = (member: object): Attempt => given({ limit: 5, ...rest, ...member })
  return [
    [`${option}: null`, 'KT_OPTION_INVALID', given(null)],
    [`${option}: text`, 'KT_OPTION_INVALID', given('5')],
    [`${option}: a list`, 'KT_OPTION_INVALID', given([5])],
    [`${option}: a map`, 'KT_OPTION_INVALID', given(new Map([['limit', 5]]))],
    [`${option}: an object that says nothing`, 'KT_OPTION_INVALID', given({})],
    [
      `${option}: an object that cannot be read`,
      'KT_OPTION_INVALID',
      given(new Proxy({ limit: 5 }, unreadable())),
    ],
    [`${option}: a key and no limit`, 'KT_OPTION_INVALID', given({ ...rest, key: 'crm' })],
    [`${option}: a misspelt member`, 'KT_OPTION_UNKNOWN', withMember({ limt: 5 })],
    [`${option}: max for limit`, 'KT_OPTION_UNKNOWN', given({ max: 5, ...rest })],
    [
      `${option}: __proto__`,
      'KT_OPTION_UNKNOWN',
      given(JSON.parse('{"limit": 5, "per": "1s", "__proto__": {}}')),
    ],
    [`${option}: a limit of zero`, 'KT_OPTION_INVALID', withMember({ limit: 0 })],
    [`${option}: a fractional limit`, 'KT_OPTION_INVALID', withMember({ limit: 1.5 })],
    [`${option}: a limit as text`, 'KT_OPTION_INVALID', withMember({ limit: '5' })],
    [`${option}: too high a limit`, 'KT_OPTION_INVALID', withMember({ limit: 1_000_001 })],
    [`${option}: an endless limit`, 'KT_OPTION_INVALID', withMember({ limit: Infinity })],
    [`${option}: a limit of null`, 'KT_OPTION_INVALID', withMember({ limit: null })],
    [`${option}: an empty key`, 'KT_OPTION_INVALID', withMember({ key: '' })],
    [`${option}: a key of 513 bytes`, 'KT_OPTION_INVALID', withMember({ key: `${'ü'.repeat(256)}x` })],
    [`${option}: a key that is a number`, 'KT_OPTION_INVALID', withMember({ key: 7 })],
    [`${option}: a key of null`, 'KT_OPTION_INVALID', withMember({ key: null })],
    [`${option}: a key with \\u0000`, 'KT_OPTION_INVALID', withMember({ key: 'a\0' })],
    [`${option}: an empty path`, 'KT_OPTION_INVALID', withMember({ by: '' })],
    [`${option}: a path that begins with a dot`, 'KT_OPTION_INVALID', withMember({ by: '.id' })],
    [`${option}: a path that ends with a dot`, 'KT_OPTION_INVALID', withMember({ by: 'customer.' })],
    [`${option}: a path with a hole`, 'KT_OPTION_INVALID', withMember({ by: 'customer..id' })],
    [`${option}: a path of 513 bytes`, 'KT_OPTION_INVALID', withMember({ by: 'x'.repeat(513) })],
    [`${option}: a path as a list`, 'KT_OPTION_INVALID', withMember({ by: ['customer', 'id'] })],
    [`${option}: a function of the payload`, 'KT_OPTION_INVALID', withMember({ by: () => 'x' })],
    [`${option}: half a surrogate pair in a path`, 'KT_OPTION_INVALID', withMember({ by: 'a.\ud83d' })],
    [`${option}: a key and a path`, 'KT_OPTION_INVALID', withMember({ key: 'crm', by: 'tenantId' })],
  ]
}

const limited: readonly Row[] = [
  ...limits('concurrency', {}),
  ['concurrency: zero', 'KT_OPTION_INVALID', addJob('mail', {}, { concurrency: 0 })],
  ['concurrency: negative', 'KT_OPTION_INVALID', addJob('mail', {}, { concurrency: -1 })],
  ['concurrency: fractional', 'KT_OPTION_INVALID', addJob('mail', {}, { concurrency: 0.5 })],
  ['concurrency: NaN', 'KT_OPTION_INVALID', addJob('mail', {}, { concurrency: Number.NaN })],
  ['concurrency: Infinity', 'KT_OPTION_INVALID', addJob('mail', {}, { concurrency: Infinity })],
  ['concurrency: too many', 'KT_OPTION_INVALID', addJob('mail', {}, { concurrency: 100_001 })],
  [
    'concurrency: a period',
    'KT_OPTION_UNKNOWN',
    addJob('mail', {}, { concurrency: { limit: 5, per: '1s' } }),
  ],
  ...limits('rateLimit', { per: '1s' }),
  ['rateLimit: a number', 'KT_OPTION_INVALID', addJob('mail', {}, { rateLimit: 5 })],
  ['rateLimit: no period', 'KT_DURATION_INVALID', addJob('mail', {}, { rateLimit: { limit: 5 } })],
  [
    'rateLimit: a period of 0',
    'KT_DURATION_INVALID',
    addJob('mail', {}, { rateLimit: { limit: 5, per: 0 } }),
  ],
  [
    'rateLimit: a word',
    'KT_DURATION_INVALID',
    addJob('mail', {}, { rateLimit: { limit: 5, per: 'minute' } }),
  ],
  [
    'rateLimit: too long',
    'KT_DURATION_INVALID',
    addJob('mail', {}, { rateLimit: { limit: 5, per: '36526d' } }),
  ],
  ['rateLimit: null per', 'KT_DURATION_INVALID', addJob('mail', {}, { rateLimit: { limit: 5, per: null } })],
  ...[0, 1.5, '5', null, 1_000_001].map((burst): Row => [
    `rateLimit: a burst of ${JSON.stringify(burst)}`,
    'KT_OPTION_INVALID',
    addJob('mail', {}, { rateLimit: { limit: 5, per: '1s', burst } }),
  ]),
  [
    'addJobs: a limit that is wrong in one entry',
    'KT_OPTION_INVALID',
    addJobs([{ task: 'mail' }, { task: 'mail', concurrency: { limit: 5, by: 'a..b' } }]),
  ],
]

const queueLimits: readonly Row[] = [
  ['queues.limit: nothing', 'KT_OPTION_INVALID', limitQueue('mail')],
  ['queues.limit: a number', 'KT_OPTION_INVALID', limitQueue('mail', 5)],
  ['queues.limit: a bad name', 'KT_NAME_INVALID', limitQueue('two words', { concurrency: 5 })],
  ['queues.limit: no name', 'KT_NAME_INVALID', limitQueue(undefined, { concurrency: 5 })],
  ['queues.limit: misspelt', 'KT_OPTION_UNKNOWN', limitQueue('mail', { concurency: 5 })],
  ['queues.limit: zero', 'KT_OPTION_INVALID', limitQueue('mail', { concurrency: 0 })],
  ['queues.limit: false', 'KT_OPTION_INVALID', limitQueue('mail', { concurrency: false })],
  ['queues.limit: too many', 'KT_OPTION_INVALID', limitQueue('mail', { concurrency: 100_001 })],
  ['queues.limit: a key', 'KT_OPTION_INVALID', limitQueue('mail', { concurrency: { limit: 5, key: 'crm' } })],
  ['queues.limit: a rate that is a number', 'KT_OPTION_INVALID', limitQueue('mail', { rateLimit: 5 })],
  [
    'queues.limit: a rate per 0',
    'KT_DURATION_INVALID',
    limitQueue('mail', { rateLimit: { limit: 5, per: 0 } }),
  ],
  [
    'queues.limit: a rate with a key',
    'KT_OPTION_UNKNOWN',
    limitQueue('mail', { rateLimit: { limit: 5, per: '1s', key: 'crm' } }),
  ],
  [
    'queues.limit: a sound rate beside a bad number',
    'KT_OPTION_INVALID',
    limitQueue('mail', { concurrency: 1.5, rateLimit: { limit: 5, per: '1s' } }),
  ],
]

const times: readonly Row[] = [
  ['scheduledIn: words', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: 'in 5 minutes' })],
  ['scheduledIn: empty', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: '' })],
  ['scheduledIn: without a unit', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: '500' })],
  ['scheduledIn: negative', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: -1 })],
  ['scheduledIn: NaN', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: Number.NaN })],
  ['scheduledIn: Infinity', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: Infinity })],
  ['scheduledIn: a thousand years', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: '365250d' })],
  ['scheduledIn: null', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: null })],
  ['scheduledIn: with an exponent', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: '1e3s' })],
  ['scheduledIn: digits of another script', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: '٣s' })],
  ['scheduledIn: with spaces', 'KT_DURATION_INVALID', addJob('mail', {}, { scheduledIn: '1h 30m' })],
  [
    'scheduledIn: a millisecond too long',
    'KT_DURATION_INVALID',
    addJob('mail', {}, { scheduledIn: 3_155_760_000_001 }),
  ],
  ['uniqueFor: zero', 'KT_DURATION_INVALID', addJob('mail', {}, { uniqueFor: 0 })],
  ['uniqueFor: false', 'KT_DURATION_INVALID', addJob('mail', {}, { uniqueFor: false })],
  ['uniqueFor: a word', 'KT_DURATION_INVALID', addJob('mail', {}, { uniqueFor: 'forever' })],
  ['timeout: zero', 'KT_DURATION_INVALID', addJob('mail', {}, { timeout: 0 })],
  ['retain: true', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: true })],
  ['retain: null', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: null })],
  ['retain: a list', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: ['1h'] })],
  ['retain: misspelt', 'KT_OPTION_UNKNOWN', addJob('mail', {}, { retain: { finnished: '1h' } })],
  ['retain: steps', 'KT_OPTION_UNKNOWN', addJob('mail', {}, { retain: { steps: '1h' } })],
  ['retain.finished: true', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { finished: true } })],
  ['retain.finished: null', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { finished: null } })],
  ['retain.dead: false', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { dead: false } })],
  ['retain.dead: zero', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { dead: 0 } })],
  ['retain.dead: for ever', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { dead: Infinity } })],
  ['retain.logs: zero', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { logs: 0 } })],
  ['retain.logs: words', 'KT_DURATION_INVALID', addJob('mail', {}, { retain: { logs: 'a week' } })],
  ['scheduledAt: words', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: 'tomorrow' })],
  ['scheduledAt: an invalid Date', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: new Date('x') })],
  ['scheduledAt: no offset', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: '2026-09-01T08:00:00' })],
  ['scheduledAt: only a day', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: '2026-09-01' })],
  [
    'scheduledAt: 30 February',
    'KT_DATE_INVALID',
    addJob('mail', {}, { scheduledAt: '2026-02-30T08:00:00Z' }),
  ],
  [
    'scheduledAt: the year 0',
    'KT_DATE_INVALID',
    addJob('mail', {}, { scheduledAt: '0000-12-31T23:59:59-01:00' }),
  ],
  [
    'scheduledAt: an hour too many',
    'KT_DATE_INVALID',
    addJob('mail', {}, { scheduledAt: '2026-09-01T24:00:00Z' }),
  ],
  [
    'scheduledAt: an offset too far',
    'KT_DATE_INVALID',
    addJob('mail', {}, { scheduledAt: '2026-09-01T08:00:00+16:00' }),
  ],
  ['scheduledAt: null', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: null })],
  ['scheduledAt: a word of SQL', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: 'infinity' })],
  ['scheduledAt: the year 275760', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: new Date(8.64e15) })],
  ['scheduledAt: a number', 'KT_DATE_INVALID', addJob('mail', {}, { scheduledAt: 1_788_000_000 })],
]

function* brokenStream(): Generator {
  yield newJob('mail')
  yield newJob('two words')
}

const bulk: readonly Row[] = [
  ['addJobs: nothing', 'KT_ENTRY_INVALID', addJobs(undefined)],
  ['addJobs: one entry instead of a list', 'KT_ENTRY_INVALID', addJobs({ task: 'mail' })],
  ['addJobs: a list of names', 'KT_ENTRY_INVALID', addJobs(['mail'])],
  ['addJobs: an entry that is missing', 'KT_ENTRY_INVALID', addJobs([{ task: 'mail' }, undefined])],
  ['addJobs: an entry that is null', 'KT_ENTRY_INVALID', addJobs([{ task: 'mail' }, null])],
  ['addJobs: an entry that is a list', 'KT_ENTRY_INVALID', addJobs([{ task: 'mail' }, ['mail']])],
  ['addJobs: text', 'KT_ENTRY_INVALID', addJobs('mail')],
  ['addJobs: null', 'KT_ENTRY_INVALID', addJobs(null)],
  ['addJobs: a task that is a number', 'KT_TASK_INVALID', addJobs([{ task: 'mail' }, { task: 5 }])],
  ['addJobs: a task that is null', 'KT_TASK_INVALID', addJobs([{ task: 'mail' }, { task: null }])],
  ['addJobs: a bad name', 'KT_NAME_INVALID', addJobs([{ task: 'mail' }, { task: 'two words' }])],
  ['addJobs: options apart', 'KT_OPTION_UNKNOWN', addJobs([{ task: 'mail', options: { priority: 1 } }])],
  [
    'addJobs: a payload that is too large',
    'KT_PAYLOAD_TOO_LARGE',
    addJobs([{ task: 'mail' }, { task: 'mail', payload: 'x'.repeat(1024 * 1024) }]),
  ],
  ['addJobs: an entry without a task', 'KT_TASK_INVALID', addJobs([{ task: 'mail' }, { payload: {} }])],
  [
    'addJobs: swapped payload',
    'KT_PAYLOAD_INVALID',
    addJobs([{ task: 'mail' }, { task: mail, payload: { name: 'x' } }]),
  ],
  [
    'addJobs: asynchronously refused',
    'KT_PAYLOAD_INVALID',
    addJobs([{ task: 'mail' }, { task: checked, payload: { name: 'taken' } }]),
  ],
  [
    'addJobs: a circle in one entry',
    'KT_PAYLOAD_NOT_JSON',
    addJobs([{ task: 'mail' }, { task: 'mail', payload: { n: 1n } }]),
  ],
  [
    'addJobs: a misspelt option',
    'KT_OPTION_UNKNOWN',
    addJobs([{ task: 'mail' }, { task: 'mail', data: {} }]),
  ],
  ['addJobs: a bad option', 'KT_OPTION_INVALID', addJobs([{ task: 'mail' }, { task: 'mail', priority: 99 }])],
  [
    'addJobs: the last of ten thousand',
    'KT_DURATION_INVALID',
    addJobs([
      ...Array.from({ length: 10_000 }, () => ({ task: 'mail' })),
      { task: 'mail', scheduledIn: 'x' },
    ]),
  ],
  ['addJobs: a stream with a bad name', 'KT_NAME_INVALID', (kong) => addJobs(brokenStream())(kong)],
]

const transactions: readonly Row[] = [
  ['with: nothing', 'KT_NOT_A_TRANSACTION', withTx(undefined)],
  ['with: null', 'KT_NOT_A_TRANSACTION', withTx(null)],
  ['with: a string', 'KT_NOT_A_TRANSACTION', withTx('begin')],
  ['with: an object of another kind', 'KT_NOT_A_TRANSACTION', withTx({ query: () => ({ rows: [] }) })],
]

export const badInputs: readonly BadInput[] = [
  ...payloads(),
  ...names,
  ...options,
  ...limited,
  ...queueLimits,
  ...times,
  ...bulk,
  ...transactions,
].map(([name, code, attempt]) => ({ name, code, attempt, passed: passed.get(attempt) }))

/** For a client that was given `tasks: [mail]`. */
export const unknownTasks: readonly BadInput[] = [
  { name: 'a name that is not among the tasks', code: 'KT_TASK_UNKNOWN', attempt: addJob('male', {}) },
  {
    name: 'a contract that is not among the tasks',
    code: 'KT_TASK_UNKNOWN',
    attempt: addJob(checked, { name: 'a' }),
  },
  {
    name: 'an unknown task in a bulk',
    code: 'KT_TASK_UNKNOWN',
    attempt: addJobs([{ task: mail, payload: sound }, { task: 'x' }]),
  },
]

/** Names that no schema may have. */
export const badSchemaNames: readonly unknown[] = [
  '',
  'Kong',
  'kong-task',
  'kong task',
  'kong.task',
  '1kong',
  'käse',
  'x'.repeat(49),
  'kong"; drop schema public cascade; --',
  "kong'",
  'kong\0',
  'kong\n',
  'pg_kong',
  'information_schema',
  'select',
  null,
  5,
]
