import { readFileSync } from 'node:fs'
import { isPlainObject } from '../core/plain-object.ts'

export interface OwnPackage {
  readonly version: string
  /** What may be installed beside it, with the versions that fit. */
  readonly peers: Readonly<Record<string, string>>
}

/** The package that this is part of, built or not. */
export function ownPackage(): OwnPackage {
  const file: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const { version, peerDependencies } = isPlainObject(file) ? file : {}
  return {
    version: typeof version === 'string' ? version : 'unknown',
    peers: isPlainObject(peerDependencies) ? texts(peerDependencies) : {},
  }
}

function texts(record: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
