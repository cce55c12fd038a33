// Histories one after the other, in several databases at once, until one of them shows a difference. Outside of vitest too.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { KongTask } from '../../src/index.ts'
import { connectionStringFor, withClient } from '../support/run-databases.ts'
import { histories as anyHistory, type Command } from './life-model-commands.ts'
import { LifeDatabase } from './life-model-database.ts'
import { LifeTrial, type Tally } from './life-model-trial.ts'

export interface PlayOptions {
  /** Whose databases may be created and dropped. */
  readonly admin: string
  /** History n is the first one of seed + n. */
  readonly seed: number
  readonly histories: number
  /** In the longest of them; half as many on average. */
  readonly commands: number
  /** Databases at a time. */
  readonly lanes: number
  /** Whether a shorter history is looked for that shows the same difference. */
  readonly isShortened: boolean
  /** Every now and then. */
  readonly say?: (done: number) => void
}

export interface Played {
  readonly done: number
  /** How often what happened. */
  readonly tally: Tally
  readonly difference: Difference | undefined
}

export interface Difference {
  /** Of the history, from 0. */
  readonly number: number
  /** The seed of which it is the first, the shortest history that was found to show it, and what it shows. */
  readonly message: string
}

/** Histories after which the databases are emptied of what is over. */
const FORGET_AFTER = 250
const SAY_AFTER = 1_000

export async function playHistories(options: PlayOptions): Promise<Played> {
  const tally: Tally = new Map()
  let [next, done] = [0, 0]
  const found: Difference[] = []

  const lane = async (): Promise<void> => {
    const name = `kongtask_life_${randomBytes(6).toString('hex')}`
    const connectionString = connectionStringFor(name, options.admin)
    await withClient(options.admin, (admin) => admin.query(`create database ${name}`))
    try {
      await using kong = new KongTask({ connectionString })
      await kong.migrate()
      await using database = await LifeDatabase.open(connectionString)
      for (let number = next++; number < options.histories && found.length === 0; number = next++) {
        const message = await playOne(database, tally, options, number)
        done += 1
        if (message !== undefined) found.push({ number, message })
        if (done % SAY_AFTER === 0) options.say?.(done)
      }
    } finally {
      await withClient(options.admin, (admin) => admin.query(`drop database ${name} with (force)`))
    }
  }
  await Promise.all(Array.from({ length: options.lanes }, lane))
  return { done, tally, difference: found.toSorted((a, b) => a.number - b.number)[0] }
}

/** Answers what is wrong with it. */
async function playOne(
  database: LifeDatabase,
  tally: Tally,
  { seed, commands, isShortened }: PlayOptions,
  number: number,
): Promise<string | undefined> {
  if (number % FORGET_AFTER === FORGET_AFTER - 1) await database.forget()
  const plays = fc.asyncProperty(anyHistory(commands), async (history: Command[]) => {
    try {
      await new LifeTrial(database, tally).play(history)
    } catch (error) {
      // What it left would be the next one's.
      await database.forget()
      throw error
    }
  })
  const result = await fc.check(plays, {
    seed: seed + number,
    numRuns: 1,
    unbiased: true,
    endOnFailure: !isShortened,
  })
  if (!result.failed) return undefined
  const [shortest] = result.counterexample ?? []
  const what =
    result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance)
  const listed = (shortest ?? []).map((command) => `  ${JSON.stringify(command)}`)
  return `Seed ${seed + number}: ${what}\n\nby these commands, and the end of all histories:\n${listed.join('\n')}`
}
