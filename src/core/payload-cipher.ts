/** Encrypts payloads and opens them again. Made of keys by whoever has them; everybody else knows this much of it. */
export interface PayloadCipher {
  /** The id of the key that seals. */
  readonly current: string
  /** What is stored instead of a payload's text; it opens under the same task only. */
  seal(task: string, text: string): string
  /**
   * The text again.
   *
   * @throws KT_ENCRYPTION_KEY_UNKNOWN, KT_DECRYPTION_FAILED
   */
  open(task: string, key: string, sealed: unknown): string
  /** A hash that only holders of the keys can compute: equal texts have equal ones. `purpose` keeps uses apart. */
  digest(purpose: string, text: string): string
}

/** The one member of a sealed payload that is always there. That a job is sealed, its `extras` say, not this. */
export const SEALED = 'kongtask:sealed'

/** What readers without the key are shown in the place of a payload. */
export interface SealedPayload {
  /** The id of the key that opens it. */
  readonly [SEALED]: string
}
