import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { KongTaskError } from '../core/errors.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import { isPlainObject, readOptions } from '../core/plain-object.ts'
import { showText } from '../core/show-value.ts'
import { AesPayloadCipher } from './aes-payload-cipher.ts'

/** 32 bytes, or these as base64 text. */
export type EncryptionKey = Uint8Array | string

/** How payloads are encrypted at rest (AES-256-GCM). */
export interface EncryptionOptions {
  /**
   * Every key that payloads may be encrypted with, by its id: 1 to 64 of `A-Z a-z 0-9 _ . -`. An id is stored beside what
   * its key has sealed, and never means another key.
   */
  readonly keys: Readonly<Record<string, EncryptionKey>>
  /** The id of the key that encrypts what is added from now on; the others only open. */
  readonly current: string
  /**
   * Of what the hashes are made by which equal payloads are told (`uniqueFor` without `uniqueKey`, limits `by`). While it
   * stays, they do. @default one made of the key in `keys` whose id comes first in the alphabet
   */
  readonly hashKey?: EncryptionKey | undefined
}

const KNOWN: ReadonlySet<string> = new Set(['keys', 'current', 'hashKey'])
const BYTES = 32
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/
const ID = /^[A-Za-z0-9_.-]{1,64}$/

/**
 * The cipher of the option `encryption`, where it was given. No error shows a key, nor an id that might be one.
 *
 * @param what whose option it is, for messages: `run`
 * @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN
 */
export function readEncryption(value: unknown, what: string): PayloadCipher | undefined {
  if (value === undefined) return undefined
  if (!isPlainObject(value)) {
    throw new KongTaskError('KT_OPTION_INVALID', `${what}: \`encryption\` must be { keys, current }.`)
  }
  const { keys, current, hashKey } = readOptions(value, KNOWN, `${what}, encryption`)
  const known = readKeys(keys, what)
  if (typeof current !== 'string' || !known.has(current)) {
    throw refusal(
      what,
      'current',
      `must be the id of one of \`keys\`: ${[...known.keys()].map(showText).join(', ')}`,
    )
  }
  const [first = current] = [...known.keys()].toSorted()
  const hashing = hashKey === undefined ? known.get(first) : readKey(hashKey, what, 'hashKey')
  return new AesPayloadCipher({
    keys: new Map([...known].map(([id, bytes]) => [id, derived(bytes, 'payloads')])),
    current,
    hashKey: derived(hashing ?? new Uint8Array(), 'hashes'),
  })
}

function readKeys(value: unknown, what: string): ReadonlyMap<string, Uint8Array> {
  if (!isPlainObject(value)) throw refusal(what, 'keys', 'must be a record of keys by their ids')
  const keys = new Map(
    Object.entries(value).map(([id, key], index) => {
      if (ID.test(id)) return [id, readKey(key, what, `keys, no. ${index + 1},`)]
      throw refusal(what, 'keys', `no. ${index + 1} has an id that is not 1 to 64 of A-Z a-z 0-9 _ . -`)
    }),
  )
  if (keys.size === 0) throw refusal(what, 'keys', 'is empty; give one key at least')
  return keys
}

/** A copy: whoever gave it may wipe it. */
function readKey(value: unknown, what: string, option: string): Uint8Array {
  const isText = typeof value === 'string' && BASE64.test(value)
  const bytes = isText ? Buffer.from(value, 'base64') : value
  if (bytes instanceof Uint8Array && bytes.length === BYTES) return new Uint8Array(bytes)
  throw refusal(what, option, `must be ${BYTES} bytes, as a Uint8Array or as base64`)
}

/** A key of its own for each use. */
function derived(bytes: Uint8Array, use: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', bytes, '', `kongtask ${use}`, BYTES)))
}

function refusal(what: string, option: string, why: string): KongTaskError {
  return new KongTaskError('KT_OPTION_INVALID', `${what}: \`encryption.${option}\` ${why}.`)
}
