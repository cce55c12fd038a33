// The command line as a whole: what all commands have in common. What each does stands in `commands/`.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import type { CommandContext, Declare, GivenOptions } from './command.ts'
import { torture } from './commands/torture.ts'
import { EXIT, EXIT_CODES_HELP, type ExitCode } from './exit-codes.ts'
import { failureAsJson, failureOf, tellFailure } from './failure.ts'
import { onInterruption } from './interruption.ts'
import { Terminal, type TerminalStreams } from './terminal.ts'

const COMMANDS: readonly Declare[] = [torture]

/**
 * Performs a command line. Never rejects.
 *
 * @param args without node and the program
 * @returns what the process is to end with
 */
export async function performCommandLine(
  args: readonly string[],
  streams: TerminalStreams,
): Promise<ExitCode> {
  const terminal = new Terminal(streams)
  // For errors that come before the options are read.
  let common: Common = { isJson: args.includes('--json'), isVerbose: args.includes('--verbose') }
  let exitCode: ExitCode = EXIT.done
  const program = declareProgram(streams)
  for (const declare of COMMANDS) {
    declare(program, (command, action) => {
      command.action(async () => {
        const given: GivenOptions = command.optsWithGlobals()
        common = readCommon(given, terminal)
        exitCode = await interruptible((signal) => action(given, { terminal, ...common, signal }))
      })
    })
  }
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done
    const failure = failureOf(error)
    const tell = common.isJson ? failureAsJson : tellFailure
    terminal.tell(tell(failure, common.isVerbose))
    return failure.exitCode
  }
}

type Common = Pick<CommandContext, 'isJson' | 'isVerbose'>

function declareProgram({ stdout, stderr }: TerminalStreams): Command {
  return new Command('kongtask')
    .description('Background jobs for TypeScript on PostgreSQL.')
    .usage('<command> [options]')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--json', 'print the result as JSON, for programs; errors too, on stderr')
    .option('--no-color', 'print no colours, as without a terminal or with NO_COLOR')
    .option('--verbose', 'print more, and the stack of an error')
    .addHelpText('after', `\n${EXIT_CODES_HELP}\n\nMore about a command: kongtask <command> --help`)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // Told by ourselves, as all errors are.
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(stdout.columns ?? 100, 110),
      getErrHelpWidth: () => Math.min(stderr.columns ?? 100, 110),
    })
    .exitOverride()
}

function readCommon(given: GivenOptions, terminal: Terminal): Common {
  if (given['color'] === false) terminal.withoutColours()
  return { isJson: given['json'] === true, isVerbose: given['verbose'] === true }
}

async function interruptible(work: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
  const { signal, forget } = onInterruption()
  try {
    return await work(signal)
  } finally {
    forget()
  }
}

/** Of the package that this is part of, built or not. */
function version(): string {
  const file: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  if (typeof file === 'object' && file !== null && 'version' in file && typeof file.version === 'string')
    return file.version
  return 'unknown'
}
