import { createCipheriv, createDecipheriv, createHmac, randomBytes, type KeyObject } from 'node:crypto'
import { KongTaskError } from '../core/errors.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import { showText } from '../core/show-value.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface CipherKeys {
  readonly keys: ReadonlyMap<string, KeyObject>
  /** The id of one of these. */
  readonly current: string
  readonly hashKey: KeyObject
}

/**
 * AES-256-GCM with a random nonce for each payload. Sealed is base64 of nonce, ciphertext and tag; the task's name is
 * bound to it as associated data, and so is the id of the key.
 */
export class AesPayloadCipher implements PayloadCipher {
  readonly current: string
  readonly #keys: ReadonlyMap<string, KeyObject>
  readonly #hashKey: KeyObject

  constructor({ keys, current, hashKey }: CipherKeys) {
    this.current = current
    this.#keys = keys
    this.#hashKey = hashKey
  }

  seal(task: string, text: string): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, this.#key(this.current), nonce)
    cipher.setAAD(boundTo(task, this.current))
    const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
    return Buffer.concat(parts).toString('base64')
  }

  open(task: string, key: string, sealed: unknown): string {
    const secret = this.#key(key)
    try {
      const bytes = Buffer.from(typeof sealed === 'string' ? sealed : '', 'base64')
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv(ALGORITHM, secret, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(boundTo(task, key))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
      return Buffer.concat([text, decipher.final()]).toString('utf8')
    } catch {
      // Why is the same for all: what was stored is not what this key has sealed for this task.
      throw new KongTaskError(
        'KT_DECRYPTION_FAILED',
        `The payload, encrypted with the key ${showText(key)} for task "${task}", cannot be opened: it was changed, belongs to another task, or the key of that id here is another.`,
      )
    }
  }

  digest(purpose: string, text: string): string {
    const hash = createHmac('sha256', this.#hashKey)
      .update(JSON.stringify([purpose, text]))
      .digest('hex')
    return `hmac-sha256:${hash}`
  }

  #key(id: string): KeyObject {
    const key = this.#keys.get(id)
    if (key !== undefined) return key
    throw new KongTaskError(
      'KT_ENCRYPTION_KEY_UNKNOWN',
      `The payload is encrypted with the key ${showText(id)}, which is not among this process's \`encryption.keys\`: ${[...this.#keys.keys()].map(showText).join(', ')}.`,
    )
  }
}

function boundTo(task: string, key: string): Buffer {
  return Buffer.from(JSON.stringify(['kongtask payload', task, key]))
}
