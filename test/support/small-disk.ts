import { execFile } from 'node:child_process'
import { chmod, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface SmallDisk extends AsyncDisposable {
  readonly folder: string
  /** Until not a byte is left. */
  fill(): Promise<void>
  /** Gives back what `fill` took. */
  free(): Promise<void>
}

/** A disk of its own, in memory. Takes root, who alone may mount one. */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-disk-'))
  await chmod(folder, 0o755)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder])
  } catch (cause) {
    await rm(folder, { recursive: true })
    throw new Error('A disk that is full takes a mount, and that takes root.', { cause })
  }
  const balloon = join(folder, 'balloon')
  return {
    folder,
    fill: () => fillUp(balloon),
    free: () => rm(balloon, { force: true }),
    [Symbol.asyncDispose]: async () => {
      // Whoever has just ended may still have its log open for a moment.
      await run('umount', ['--lazy', folder])
      await rm(folder, { recursive: true })
    },
  }
}

async function fillUp(balloon: string): Promise<void> {
  await using file = await open(balloon, 'a')
  for (let size = 1024 * 1024; size >= 4096;) {
    try {
      await file.appendFile(Buffer.alloc(size))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      size /= 2
    }
  }
}
