import { readFileSync } from 'node:fs'

const BENCH = new URL('../', import.meta.url)

export const kongTaskVersion = versionIn('../package.json')

/** The version of a package.json, by its path from bench/. */
export function versionIn(path: string): string {
  const json: unknown = JSON.parse(readFileSync(new URL(path, BENCH), 'utf8'))
  if (typeof json === 'object' && json !== null && 'version' in json && typeof json.version === 'string')
    return json.version
  throw new TypeError(`${path} names no version`)
}
