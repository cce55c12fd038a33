import { parseArgs } from 'node:util'
import { BREAKAGES, type Breakage } from './mail-sink.ts'

export interface Arguments {
  readonly keep: boolean
  readonly help: boolean
  readonly breakage: Breakage | undefined
}

export const HELP = `A sign-up service with KongTask: real requests, real mails, real pictures; checks what it did.

  npm run demo                          run it, about half a minute
  npm run demo -- --keep                leave everything running afterwards, until Ctrl-C
  npm run demo -- --break lose-mail     have the mail server lose a mail, to see that the checks notice
  npm run demo -- --break double-mail   … or deliver one twice
  npm run demo -- --help                this text

It starts a PostgreSQL of its own, which leaves nothing behind. To run it on yours:

  DEMO_DATABASE_URL=postgres://user:password@127.0.0.1:5432/empty npm run demo

The schemas "app" and "kongtask" are created there, and dropped at the end; it refuses where one of them exists.
NO_COLOR=1 turns colours off. The exit code is 0 when every check passed, 1 when one failed, 2 for a wrong option.`

/** @throws where an option is unknown or wrong */
export function readArguments(given: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...given],
    options: {
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      break: { type: 'string' },
    },
  })
  return { keep: values.keep, help: values.help, breakage: readBreakage(values.break) }
}

function readBreakage(value: string | undefined): Breakage | undefined {
  if (value === undefined) return undefined
  const known = BREAKAGES.find((breakage) => breakage === value)
  if (known === undefined) throw new Error(`--break takes ${BREAKAGES.join(' or ')}, not "${value}".`)
  return known
}
