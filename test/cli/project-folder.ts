import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { builtPackage } from './built-package.ts'
import { root } from './pty.ts'

export interface ProjectFolder extends AsyncDisposable {
  readonly path: string
  /** Writes a file; one that begins with `#!` is executable. */
  write(name: string, content: string): Promise<void>
}

/** A folder as a user has it, with the packages that we have. Gone when it is disposed of. */
export async function projectFolder(files: Readonly<Record<string, string>> = {}): Promise<ProjectFolder> {
  const path = await mkdtemp(join(tmpdir(), 'kongtask-project-'))
  // The database of its own runs as somebody else where we are root.
  await chmod(path, 0o755)
  await linkPackages(join(path, 'node_modules'))
  const write = async (name: string, content: string): Promise<void> => {
    const file = join(path, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content, { mode: content.startsWith('#!') ? 0o755 : 0o644 })
  }
  for (const [name, content] of Object.entries(files)) await write(name, content)
  return { path, write, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function linkPackages(folder: string): Promise<void> {
  await mkdir(folder)
  await symlink(builtPackage(), join(folder, 'kongtask'))
  for (const name of await readdir(`${root}node_modules`)) {
    if (!name.startsWith('.')) await symlink(`${root}node_modules/${name}`, join(folder, name))
  }
}
