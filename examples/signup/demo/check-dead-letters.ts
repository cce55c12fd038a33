import type { Job } from 'kongtask'
import { z } from 'zod'
import { notifyPartner } from '../app/tasks.ts'
import type { Check, Order, User } from './check.ts'
import { CARRIERS } from './partner.ts'
import { MALFORMED_JOBS, NO_PICTURE } from './plan.ts'

interface ExpectedLetter {
  readonly what: string
  readonly task: string
  readonly isIt: (letter: Job) => boolean
  /** One for each attempt. */
  readonly errors: readonly RegExp[]
}

export interface Committed {
  readonly users: readonly User[]
  readonly orders: readonly Order[]
  readonly malformedIds: readonly string[]
}

/** The dead letters are those that had to die, no more and no fewer, each with the error of every attempt. */
export function checkDeadLetters(letters: readonly Job[], committed: Committed): Check {
  const expected = expectedLetters(committed)
  const strangers = new Set(letters)
  const problems: string[] = []
  for (const letter of expected) {
    const found = letters.find((candidate) => candidate.task === letter.task && letter.isIt(candidate))
    if (found === undefined) problems.push(`${letter.what} is not among the dead letters`)
    else {
      strangers.delete(found)
      problems.push(...flawsOf(found, letter))
    }
  }
  for (const { id, task, errors } of strangers) {
    problems.push(`job ${id} (${task}) died unexpectedly: ${errors.at(-1)?.message ?? 'no error was kept'}`)
  }
  return {
    title: `the ${expected.length} dead letters are those expected, each with the error of every attempt`,
    problems,
  }
}

function flawsOf({ errors }: Job, { what, errors: expected }: ExpectedLetter): string[] {
  if (errors.length !== expected.length) {
    return [`${what} died with ${errors.length} recorded errors instead of ${expected.length}`]
  }
  return expected.flatMap((pattern, index) => {
    const error = errors[index]
    if (error?.attempt === index + 1 && pattern.test(error.message)) return []
    return [
      `attempt ${index + 1} of ${what} is recorded as ${JSON.stringify(error)}, not as ${String(pattern)}`,
    ]
  })
}

function expectedLetters({ users, orders, malformedIds }: Committed): ExpectedLetter[] {
  const lastAttempt = notifyPartner.defaults.maxAttempts ?? 0
  return [
    ...MALFORMED_JOBS.map(({ task, complaint }, index): ExpectedLetter => {
      const id = malformedIds[index]
      return {
        what: `the malformed ${task} ${id}`,
        task,
        isIt: (letter) => letter.id === id,
        errors: [complaint],
      }
    }),
    ...users
      .filter(({ avatar }) => avatar === NO_PICTURE)
      .map(({ id, email }): ExpectedLetter => ({
        what: `the avatar of ${email}, which is no picture,`,
        task: 'make_thumbnails',
        isIt: isAbout('userId', id),
        errors: [/is not a picture/],
      })),
    ...notificationsTo(CARRIERS.fussy, orders, [/answered 422/]),
    ...notificationsTo(
      CARRIERS.gone,
      orders,
      Array.from({ length: lastAttempt }, () => /answered 503/),
    ),
  ]
}

function notificationsTo(
  carrier: string,
  orders: readonly Order[],
  errors: readonly RegExp[],
): ExpectedLetter[] {
  return orders
    .filter((order) => order.carrier === carrier)
    .map(({ id }) => ({
      what: `the notification of ${carrier} about order ${id}`,
      task: 'notify_partner',
      isIt: isAbout('orderId', id),
      errors,
    }))
}

const record = z.record(z.string(), z.unknown())

function isAbout(key: string, value: string): (letter: Job) => boolean {
  return ({ payload }) => record.safeParse(payload).data?.[key] === value
}
