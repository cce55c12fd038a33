import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What the configuration may be called, in the order in which it is looked for. */
export const CONFIG_FILES = ['ts', 'mts', 'js', 'mjs'].map((extension) => `kongtask.config.${extension}`)

/** The configuration of a folder, or of the nearest one above that has any. */
export function findConfig(folder: string): string | undefined {
  for (let current = folder; ; current = dirname(current)) {
    const found = CONFIG_FILES.map((name) => join(current, name)).find((path) => existsSync(path))
    if (found !== undefined || current === dirname(current)) return found
  }
}
