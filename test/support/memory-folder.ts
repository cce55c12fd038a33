import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Bytes that must be free, in the folder and of memory: several times what a run has been seen to take. */
const ENOUGH = 4 * 1024 ** 3
const MEMORY = '/dev/shm'

/**
 * A folder for temporary files that is kept in memory, for servers that are made, filled and thrown away; undefined
 * where there is none that would do, as on macOS, or in a container that has little memory.
 */
export async function memoryFolder(): Promise<string | undefined> {
  try {
    const { bavail, bsize } = await statfs(MEMORY)
    const free = Math.min(bavail * bsize, process.availableMemory())
    return free >= ENOUGH && (await runsPrograms(MEMORY)) ? MEMORY : undefined
  } catch {
    return undefined
  }
}

/** Containers tend to forbid it there, and a server's binaries may have to be copied to where its user reaches them. */
async function runsPrograms(folder: string): Promise<boolean> {
  const trial = await mkdtemp(join(folder, 'kongtask-trial-'))
  try {
    const program = join(trial, 'program')
    await writeFile(program, '#!/bin/sh\n')
    await chmod(program, 0o755)
    await promisify(execFile)(program)
    return true
  } catch {
    return false
  } finally {
    await rm(trial, { recursive: true })
  }
}
