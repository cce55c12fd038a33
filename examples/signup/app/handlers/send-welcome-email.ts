import { PermanentError, type HandledTask, type JobContext, type OutputOf } from 'kongtask'
import type { Mailer } from '../mailer.ts'
import { sendWelcomeEmail } from '../tasks.ts'

/** A task as a class, with what it depends on passed in: a test gives it a mailer of its own. */
export class SendWelcomeEmail implements HandledTask {
  readonly name = sendWelcomeEmail.name
  readonly task = sendWelcomeEmail
  readonly #mailer: Mailer

  constructor(mailer: Mailer) {
    this.#mailer = mailer
  }

  async handle(payload: OutputOf<typeof sendWelcomeEmail>, { signal, logger }: JobContext): Promise<void> {
    const { userId, email, name } = payload
    try {
      await this.#mailer.send({
        to: email,
        subject: `Welcome, ${name}`,
        text: `Hello ${name},\n\nit is good to have you here.\n`,
        messageId: `<welcome-${userId}@signup.example>`,
        signal,
      })
    } catch (error) {
      // "No such mailbox" will be as true tomorrow; "try again later" is what attempts are for.
      if (isRefusedForGood(error)) throw new PermanentError(`Nobody can reach ${email}`, { cause: error })
      throw error
    }
    logger.info('Welcome mail sent', { userId })
  }
}

/** SMTP's 5xx answers. */
function isRefusedForGood(error: unknown): boolean {
  return (
    error instanceof Error &&
    'responseCode' in error &&
    typeof error.responseCode === 'number' &&
    error.responseCode >= 500
  )
}
