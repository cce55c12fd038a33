import { lstat, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from './problems.ts'
import { isModuleFile, isTestFile, isTypeScript } from './source-file.ts'

/** A file that performs a task. */
export interface TaskFile {
  /** Absolute. */
  readonly path: string
  /** What the file is called in the folder, without its extension: `mail/welcome`. */
  readonly name: string
  /** JavaScript or TypeScript; or any program that the system can start. */
  readonly kind: 'module' | 'executable'
}

/** Told of a file that is no task, but was probably meant to be one, and of what cannot be read. */
export type Complain = (path: string, why: string) => void

/**
 * The task files of a folder and the folders in it, by name. What begins with `.` or `_`, tests, declarations, and what is
 * neither a module nor executable are passed over.
 */
export async function findTaskFiles(folder: string, complain: Complain): Promise<TaskFile[]> {
  const found: TaskFile[] = []
  /** What has vanished meanwhile is passed over. */
  const read = async <T>(path: string, how: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await how()
    } catch (error) {
      if (await isThere(path)) complain(path, `cannot be read. ${messageOf(error)}.`)
      return undefined
    }
  }
  const visit = async (within: string, prefix: string): Promise<void> => {
    const entries = (await read(within, () => readdir(within))) ?? []
    for (const entry of entries.toSorted()) {
      if (/^[._]/.test(entry) || entry === 'node_modules') continue
      const path = join(within, entry)
      const about = await read(path, () => stat(path))
      if (about?.isDirectory() === true) await visit(path, `${prefix}${entry}/`)
      else if (about?.isFile() === true) {
        const kind = await read(path, () => kindOf(path, about.mode, complain))
        if (kind !== undefined) found.push({ path, name: prefix + entry.replace(/\.[^.]+$/, ''), kind })
      }
    }
  }
  await visit(folder, '')
  return found
}

/** A link to nothing is there, too. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

const EXECUTABLE = 0o111

async function kindOf(path: string, mode: number, complain: Complain): Promise<TaskFile['kind'] | undefined> {
  if (isTestFile(path)) return undefined
  if (isModuleFile(path)) return 'module'
  if (isTypeScript(path)) return undefined
  if ((mode & EXECUTABLE) !== 0) return 'executable'
  // Somebody meant it to be started.
  if (await beginsWithInterpreter(path))
    complain(
      path,
      'is a script, but not executable. Run chmod +x on it, or begin its name with _ if it is no task.',
    )
  return undefined
}

async function beginsWithInterpreter(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return buffer.subarray(0, bytesRead).toString('latin1') === '#!'
  } finally {
    await file.close()
  }
}
