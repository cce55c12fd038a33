import { KongTaskError } from '../core/errors.ts'
import type { CommandContext } from './command.ts'

/**
 * Asks before something that cannot be taken back. `--yes` answers, and has to where nobody sits at a terminal.
 *
 * @param given the options of the command line; `yes` among them
 * @returns false where the answer is anything but yes
 * @throws KT_USAGE_INVALID where nobody can be asked
 */
export async function confirm(
  question: string,
  given: Readonly<Record<string, unknown>>,
  { terminal, input }: Pick<CommandContext, 'terminal' | 'input'>,
): Promise<boolean> {
  checkCanConfirm(question, given, { terminal, input })
  if (given['yes'] === true) return true
  terminal.ask(`${question} [y/N] `)
  for await (const piece of input) return /^y(?:es)?$/i.test(String(piece).trim())
  return false
}

/**
 * For what is to be refused before anything is looked at.
 *
 * @throws KT_USAGE_INVALID where nobody has answered, and nobody can be asked
 */
export function checkCanConfirm(
  question: string,
  given: Readonly<Record<string, unknown>>,
  { terminal, input }: Pick<CommandContext, 'terminal' | 'input'>,
): void {
  if (given['yes'] === true || (input.isTTY === true && terminal.isInteractive)) return
  throw new KongTaskError('KT_USAGE_INVALID', `${question} Nobody can be asked here; say --yes.`)
}
