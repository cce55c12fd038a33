import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readEncryption } from './payload-keys.ts'

const key = randomBytes(32)
const other = randomBytes(32)

function cipherOf(options: unknown) {
  const cipher = readEncryption(options, 'run')
  if (cipher === undefined) throw new Error('there is no cipher')
  return cipher
}

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}

describe('the option encryption', () => {
  it('may be left out', () => {
    expect(readEncryption(undefined, 'run')).toBeUndefined()
  })

  it('takes a key as bytes, base64 and base64 for URLs: they are the same key', () => {
    const sealed = cipherOf({ keys: { a: key }, current: 'a' }).seal('task', 'text')
    for (const same of [new Uint8Array(key), key.toString('base64'), key.toString('base64url')]) {
      expect(cipherOf({ keys: { a: same }, current: 'a' }).open('task', 'a', sealed)).toBe('text')
    }
  })

  it('copies the bytes, so that whoever gave them may wipe them', () => {
    const given = new Uint8Array(key)
    const cipher = cipherOf({ keys: { a: given }, current: 'a' })
    const sealed = cipher.seal('task', 'text')
    given.fill(0)
    expect(cipher.open('task', 'a', sealed)).toBe('text')
    expect(cipherOf({ keys: { a: key }, current: 'a' }).open('task', 'a', cipher.seal('task', 'text'))).toBe(
      'text',
    )
  })

  const secret = key.toString('base64')
  it.each([
    ['null', null],
    ['a key alone', secret],
    ['ids and keys that changed places', { keys: { [secret]: 'a' }, current: 'a' }],
    ['no keys', { current: 'a' }],
    ['an empty record', { keys: {}, current: 'a' }],
    ['a list of keys', { keys: [secret], current: '0' }],
    ['16 bytes', { keys: { a: key.subarray(16) }, current: 'a' }],
    ['33 bytes', { keys: { a: Buffer.concat([key, Buffer.from([1])]) }, current: 'a' }],
    ['hexadecimal', { keys: { a: key.toString('hex') }, current: 'a' }],
    ['base64 with something beside', { keys: { a: `${secret}\n` }, current: 'a' }],
    ['a current that is no key', { keys: { a: secret }, current: 'b' }],
    ['a current of the prototype', { keys: { a: secret }, current: 'toString' }],
    ['no current', { keys: { a: secret } }],
    ['an id with spaces', { keys: { 'a b': secret }, current: 'a b' }],
    ['an empty id', { keys: { '': secret }, current: '' }],
    ['a hash key of 31 bytes', { keys: { a: secret }, current: 'a', hashKey: key.subarray(1) }],
    ['an unknown option', { keys: { a: secret }, current: 'a', algorithm: 'rot13' }],
  ])('refuses %s, and shows no key', (_, options) => {
    const refused = expect.objectContaining({ code: expect.stringMatching(/^KT_OPTION_(INVALID|UNKNOWN)$/) })
    expect(() => readEncryption(options, 'run')).toThrow(refused)
    for (const form of [secret, key.toString('hex'), key.toString('hex').slice(0, 16)]) {
      expect(inspect(thrownBy(() => readEncryption(options, 'run')))).not.toContain(form)
    }
  })
})

describe('the cipher', () => {
  const cipher = cipherOf({ keys: { a: key, b: other }, current: 'b' })

  it('gives back any text as it was', () => {
    for (const text of ['', '{}', '"ü 💌 \\u0000"', 'x'.repeat(100_000)]) {
      expect(cipher.open('task', 'b', cipher.seal('task', text))).toBe(text)
    }
  })

  it('seals with a nonce of its own each time', () => {
    const nonces = Array.from({ length: 1_000 }, () => cipher.seal('task', 'text').slice(0, 16))
    expect(new Set(nonces).size).toBe(1_000)
  })

  it('opens under the same task and the same key only, and only what nobody changed', () => {
    const sealed = cipher.seal('task', 'text')
    const refused = expect.objectContaining({ code: 'KT_DECRYPTION_FAILED' })
    expect(() => cipher.open('other', 'b', sealed)).toThrow(refused)
    expect(() => cipher.open('task', 'a', sealed)).toThrow(refused)
    const bytes = Buffer.from(sealed, 'base64')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => cipher.open('task', 'b', changed.toString('base64'))).toThrow(refused)
    }
    for (let end = 0; end < bytes.length; end++) {
      expect(() => cipher.open('task', 'b', bytes.subarray(0, end).toString('base64'))).toThrow(refused)
    }
  })

  it('does not open with the same bytes under another id', () => {
    const renamed = cipherOf({ keys: { c: other }, current: 'c' })
    expect(() => renamed.open('task', 'c', cipher.seal('task', 'text'))).toThrow(/cannot be opened/)
    expect(() => renamed.open('task', 'b', cipher.seal('task', 'text'))).toThrow(
      expect.objectContaining({ code: 'KT_ENCRYPTION_KEY_UNKNOWN' }),
    )
  })

  it('makes hashes that hang on purpose, text and hash key alone', () => {
    const hash = cipher.digest('purpose', 'text')
    expect(cipherOf({ keys: { b: other, a: key }, current: 'a' }).digest('purpose', 'text')).toBe(hash)
    expect(cipherOf({ keys: { b: other }, current: 'b' }).digest('purpose', 'text')).not.toBe(hash)
    expect(cipher.digest('other', 'text')).not.toBe(hash)
    expect(cipher.digest('purpose', 'texts')).not.toBe(hash)
    expect(cipher.digest('pur', 'posetext')).not.toBe(cipher.digest('purpose', 'text'))
  })

  it('shows no key to whoever prints it', () => {
    expect(inspect(cipher, { depth: 9, showHidden: true })).not.toMatch(/[0-9a-f]{2} [0-9a-f]{2} [0-9a-f]{2}/)
  })
})
