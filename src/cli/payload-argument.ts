import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import type { CommandContext } from './command.ts'

/**
 * The payload of a command line as JSON text: as it stands there, of a file (`@file`), or of standard input (`-`).
 *
 * @throws KT_PAYLOAD_NOT_JSON, KT_OPTION_INVALID where the file cannot be read
 */
export async function readPayload(
  given: unknown,
  { input, cwd }: Pick<CommandContext, 'input' | 'cwd'>,
): Promise<string> {
  if (typeof given !== 'string') return '{}'
  if (given === '-') return checked(await textOf(input), 'standard input')
  if (given.startsWith('@')) return checked(await textOfFile(resolve(cwd, given.slice(1))), given.slice(1))
  return checked(given, '--payload')
}

function checked(text: string, source: string): string {
  try {
    JSON.parse(text)
    return text
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const advice = source === '--payload' ? ` In a shell, put it in single quotes: --payload '{"a":1}'.` : ''
    throw new KongTaskError('KT_PAYLOAD_NOT_JSON', `The payload of ${source} is not JSON: ${why}.${advice}`, {
      cause,
    })
  }
}

async function textOf(input: CommandContext['input']): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of input)
    text += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true })
  return text + decoder.decode()
}

async function textOfFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new KongTaskError('KT_OPTION_INVALID', `The payload cannot be read: ${why}.`, { cause })
  }
}
