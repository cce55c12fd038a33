import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fromImage } from '../../src/testing/pglite.ts'
import { imageFile, pgliteEntry, readImage, writeImage } from '../../src/testing/pglite-image.ts'

let workspace = ''
beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'kongtask-image-'))
})
afterEach(() => rm(workspace, { recursive: true }))

async function install(): Promise<string> {
  const folder = join(workspace, 'node_modules/@electric-sql/pglite')
  await mkdir(join(folder, 'dist'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"version":"1.0.0"}')
  return join(folder, 'dist/index.cjs')
}

it('the image stands beside PGlite, wherever tests are run', async () => {
  const entry = await install()
  const file = await imageFile(() => entry)
  expect(dirname(file ?? '')).toBe(join(workspace, 'node_modules/.cache/kongtask'))
  expect(await imageFile(pgliteEntry)).toBeDefined()
})

it('there is none where there is no such folder', async () => {
  expect(await imageFile(() => join(workspace, 'pglite.zip/index.cjs'))).toBeUndefined()
  expect(
    await imageFile(() => {
      throw new Error('no such package')
    }),
  ).toBeUndefined()
})

it('an image takes the place of those of other versions, and of nothing else', async () => {
  const entry = await install()
  const file = (await imageFile(() => entry)) ?? ''
  const folder = dirname(file)
  const draft = `${file}.0a1b2c3d`
  for (const other of [join(folder, 'pglite-0123456789abcdef.tar'), join(folder, 'other.tar'), draft]) {
    await writeFile(other, 'x')
  }
  await writeImage(file, new Blob(['image']))
  expect((await readdir(folder)).map((name) => join(folder, name)).toSorted()).toEqual(
    [join(folder, 'other.tar'), file, draft].toSorted(),
  )
  expect(await (await readImage(file))?.text()).toBe('image')
})

it('a broken image is of no use, and no harm', async () => {
  expect(await fromImage(new Blob(['image']))).toBeUndefined()
})
