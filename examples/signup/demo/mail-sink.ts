// A mail server that keeps what it is sent and delivers nothing. It has bad moments, all of them before it has
// accepted a message: once it has said yes, the mail counts, as with any mail server.
import { once } from 'node:events'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'

/** What it can be told to get wrong, so that one can see the checks fail. */
export const BREAKAGES = ['lose-mail', 'double-mail'] as const
export type Breakage = (typeof BREAKAGES)[number]

export interface MailSink {
  readonly url: string
  /** How many mails each address got. */
  readonly mailsTo: ReadonlyMap<string, number>
  /** How often it turned a mail away for now. */
  readonly refusals: number
  close(): Promise<void>
}

type Moment = 'recipient' | 'message'

/** The mail that a breakage is about. */
const UNLUCKY = 25
const CONNECTIONS_PER_REFUSAL = 40

export async function startMailSink(breakage: Breakage | undefined): Promise<MailSink> {
  const mailsTo = new Map<string, number>()
  const badMoments = new Map<string, Moment[]>()
  let connections = 0
  let refusals = 0
  let accepted = 0

  /** A refusal where the address has a bad moment of this kind left. */
  const refuse = (address: string, moment: Moment): Error | undefined => {
    let left = badMoments.get(address)
    if (left === undefined) {
      left = badMomentsOf(badMoments.size)
      badMoments.set(address, left)
    }
    if (left[0] !== moment) return undefined
    left.shift()
    refusals += 1
    return temporary(
      451,
      moment === 'recipient' ? 'Greylisted, try again later' : 'No room for this right now',
    )
  }

  const accept = (address: string): void => {
    accepted += 1
    const copies = accepted !== UNLUCKY || breakage === undefined ? 1 : breakage === 'lose-mail' ? 0 : 2
    mailsTo.set(address, (mailsTo.get(address) ?? 0) + copies)
  }

  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 1_000,
    onConnect: (_session, callback) => {
      connections += 1
      if (connections % CONNECTIONS_PER_REFUSAL !== 0) return callback()
      refusals += 1
      callback(temporary(421, 'Too busy'))
    },
    onRcptTo: ({ address }, _session, callback) => callback(refuse(address, 'recipient')),
    onData: (stream, session, callback) => {
      stream.resume()
      stream.once('end', () => {
        const address = recipientOf(session)
        const refusal = refuse(address, 'message')
        if (refusal === undefined) accept(address)
        callback(refusal)
      })
    },
  })
  // A client that goes away in the middle is no reason to end the demo.
  server.on('error', () => undefined)
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const address = listening.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `smtp://127.0.0.1:${port}`,
    mailsTo,
    get refusals() {
      return refusals
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Every fifth new address meets greylisting, every seventh a full disk, some both. */
function badMomentsOf(index: number): Moment[] {
  const moments: Moment[] = []
  if (index % 5 === 4) moments.push('recipient')
  if (index % 7 === 6) moments.push('message')
  return moments
}

function temporary(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

function recipientOf(session: SMTPServerSession): string {
  return session.envelope.rcptTo[0]?.address ?? ''
}
