import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { handle, PermanentError, type HandledTask } from 'kongtask'
import sharp from 'sharp'
import { makeThumbnails } from '../tasks.ts'

export interface PictureFolders {
  readonly uploads: string
  readonly thumbnails: string
}

export function thumbnailMaker({ uploads, thumbnails }: PictureFolders): HandledTask {
  return handle(makeThumbnails, async ({ userId, picture, sizes }, { signal, progress }) => {
    const original = await readFile(join(uploads, picture), { signal })
    await checkPicture(picture, original)
    const files: string[] = []
    for (const size of sizes) {
      // The library cannot be interrupted, so this is where a shutdown or a timeout is noticed.
      signal.throwIfAborted()
      // The same name at each attempt: an attempt that died halfway is overwritten.
      const file = `${userId}-${size}.webp`
      await sharp(original).resize(size, size, { fit: 'cover' }).webp().toFile(join(thumbnails, file))
      files.push(file)
      progress(files.length, sizes.length, file)
    }
    // Kept as the job's result.
    return { files }
  })
}

async function checkPicture(name: string, content: Buffer): Promise<void> {
  try {
    await sharp(content).metadata()
  } catch (error) {
    throw new PermanentError(`${name} is not a picture`, { cause: error })
  }
}
