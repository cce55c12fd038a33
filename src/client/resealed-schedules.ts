import { SEALED, type PayloadCipher } from '../core/payload-cipher.ts'
import type { ScheduleInfo } from '../core/schedule-info.ts'
import { recordOf } from '../store/rows.ts'
import type { StoredSchedule } from '../store/schedules.ts'
import type { Store } from '../store/store.ts'
import { openedText } from './opened-job.ts'

/** What became of schedules that were encrypted with an older key, by name. */
export interface ResealedSchedules {
  readonly resealed: readonly string[]
  /** With a key that is not at hand, or damaged: they are as they were. */
  readonly unopened: readonly string[]
}

/**
 * Seals the payloads of schedules with the current key where they are sealed with another. One that somebody changes in the
 * same moment is left out.
 */
export async function resealSchedules(
  store: Pick<Store, 'readSchedules' | 'resealSchedule'>,
  cipher: PayloadCipher,
  isMeant: (info: ScheduleInfo) => boolean = () => true,
): Promise<ResealedSchedules> {
  const resealed: string[] = []
  const unopened: string[] = []
  for (const found of await store.readSchedules()) {
    const { info, encryptionKey } = found
    if (encryptionKey === undefined || encryptionKey === cipher.current || !isMeant(info)) continue
    const payload = resealedPayload(found, cipher)
    if (payload === undefined) unopened.push(info.name)
    else if (await store.resealSchedule(found, cipher.current, payload)) resealed.push(info.name)
  }
  return { resealed, unopened }
}

/** JSON text. Its hash, where it has one, does not hang on the key that seals. */
function resealedPayload({ info, encryptionKey }: StoredSchedule, cipher: PayloadCipher): string | undefined {
  const { task, payload } = info
  const text = openedText({ task, payload, encryptionKey }, cipher)
  if (typeof text !== 'string') return undefined
  return JSON.stringify({ ...recordOf(payload), [SEALED]: cipher.seal(task, text) })
}
