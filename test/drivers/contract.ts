import { KongTask, type TransactionLike } from 'kongtask'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { checksOf, PREPARATION, type Subject } from './checks.ts'

/** What a driver's own file says: how to connect, to begin and to end. `kong` and `look` are the contract's. */
export type Driven<Tx extends TransactionLike> = Omit<Subject<Tx>, 'kong' | 'look'>

export interface Opening {
  readonly kong: KongTask
  readonly connectionString: string
}

/** The contract of all drivers, for one of them on the server of the run. */
export function contract<Tx extends TransactionLike>(
  name: string,
  open: (opening: Opening) => Promise<Driven<Tx>>,
): void {
  describeChecks(name, async () => {
    const database = await createTestDatabase()
    await database.pool.query(PREPARATION)
    const kong = new KongTask({ pool: database.pool })
    const driven = await open({ kong, connectionString: database.connectionString })
    const look = lookThrough(database)
    return {
      ...driven,
      kong,
      look,
      close: async () => {
        await driven.close()
        await database.drop()
      },
    }
  })
}

export function describeChecks<Tx extends TransactionLike>(
  name: string,
  open: () => Promise<Subject<Tx>>,
): void {
  describe(`a transaction of ${name}`, () => {
    let subject: Subject<Tx>
    beforeAll(async () => {
      subject = await open()
    })
    afterAll(() => subject.close())
    beforeEach(() => subject.look('truncate kongtask.jobs, users'))

    const checks = checksOf<Tx>().map(({ sentence, run }) => [sentence, run] as const)
    it.each(checks)('%s', async (_, run) => {
      await expect(run(subject)).resolves.toBeUndefined()
    })
  })
}

function lookThrough({ pool }: TestDatabase): (text: string) => Promise<readonly unknown[]> {
  return async (text) => {
    const { rows } = await pool.query<Record<string, unknown>>(text)
    return rows
  }
}
