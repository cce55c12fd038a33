import { createTransport } from 'nodemailer'

export interface Mail {
  readonly to: string
  readonly subject: string
  readonly text: string
  /** Stays the same when the mail is sent again, so that a mail server can tell. */
  readonly messageId: string
  readonly signal: AbortSignal
}

/** Resolves when the mail server has taken the mail; rejects with its answer where it has not. */
export interface Mailer {
  send(mail: Mail): Promise<void>
}

export function smtpMailer(url: string): Mailer {
  const transport = createTransport({ url, connectionTimeout: 10_000, socketTimeout: 20_000 })
  return {
    async send(mail) {
      await transport.sendMail({ ...mail, from: 'Signup <hello@signup.example>' })
    },
  }
}
