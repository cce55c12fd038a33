import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { without, type Cut } from './fence.ts'

const run = promisify(execFile)
/** What no test of a fence needs. */
const LEFT_OUT = /^(?:test\/drivers|docs\/results|bench)\//

/** The work tree as it is at this moment, uncommitted changes and new files included, in a folder of its own. */
export class TreeCopy implements AsyncDisposable {
  readonly root: string

  private constructor(root: string) {
    this.root = root
  }

  static async of(tree: string): Promise<TreeCopy> {
    const copy = new TreeCopy(await mkdtemp(join(tmpdir(), 'kongtask-fences-')))
    const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: tree,
      maxBuffer: 64 * 1024 ** 2,
    })
    const files = stdout.split('\0').filter((file) => file !== '' && !LEFT_OUT.test(file))
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      await mkdir(join(copy.root, folder), { recursive: true })
    }
    // One that was deleted and not committed is still listed.
    const copyFile = (file: string): Promise<void> =>
      cp(join(tree, file), join(copy.root, file)).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    await Promise.all(files.map(copyFile))
    await copy.#linkPackages(join(tree, 'node_modules'))
    // What was written into sql/ may not have been embedded yet.
    await copy.#embed()
    return copy
  }

  /** One by one, so that what tools keep beside the packages is kept in the copy. */
  async #linkPackages(packages: string): Promise<void> {
    const here = join(this.root, 'node_modules')
    await mkdir(here)
    for (const name of await readdir(packages)) {
      if (name !== '.bin' && name.startsWith('.')) continue
      await symlink(join(packages, name), join(here, name))
    }
  }

  async cut(cuts: readonly Cut[]): Promise<void> {
    for (const cut of cuts) {
      const path = join(this.root, cut.file)
      const source = await readFile(path, 'utf8')
      await writeFile(path, without(source, cut))
    }
    await this.#embed()
  }

  async #embed(): Promise<void> {
    await run(process.execPath, ['--import', 'tsx', join(this.root, 'scripts/embed-sql.ts')], {
      cwd: this.root,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true })
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
