import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { endingAsOurs } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods } from './shape.ts'

const NAME = 'Prisma'

export const prisma: Driver = {
  name: NAME,
  pass: 'the `tx` of `prisma.$transaction(async (tx) => …)`',
  recognise: (value) => {
    if (!isClient(value)) return undefined
    // Both can run statements, and since Prisma 7 both can begin transactions; only the client itself connects.
    return hasMethods(value, ['$connect']) ? 'root' : onTransaction(value)
  },
}

interface TransactionClient {
  /** Binds; "unsafe" is only that the text is not a template. */
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>
}

function isClient(value: object): value is TransactionClient {
  return hasMethods(value, ['$queryRawUnsafe', '$executeRawUnsafe'])
}

function onTransaction(tx: TransactionClient): Queryable {
  return {
    query: (text, values) =>
      endingAsOurs(NAME, isOver, async () => rowsOf(await tx.$queryRawUnsafe(text, ...values))),
  }
}

/** Committed, rolled back, or longer than Prisma's own `timeout`. */
function isOver(error: Error): boolean {
  return 'code' in error && error.code === 'P2028'
}
