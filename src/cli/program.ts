// The command line as a whole: what all commands have in common. What each does stands in `commands/`.
import { Command, CommanderError } from 'commander'
import type { Action, CommandContext, Declare, GivenOptions } from './command.ts'
import { COMMANDS } from './command-list.ts'
import { BrokenOutput } from './broken-output.ts'
import { EXIT, EXIT_CODES_HELP, type ExitCode } from './exit-codes.ts'
import { failureAsJson, failureOf, tellFailure } from './failure.ts'
import { onInterruption } from './interruption.ts'
import { ownPackage } from './own-package.ts'
import { Terminal, type Input, type TerminalStreams } from './terminal.ts'

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
  const program = declareProgram(streams, common.isJson)
  const perform = (command: Command, action: Action): void => {
    command.action(async () => {
      const given: GivenOptions = command.optsWithGlobals()
      common = readCommon(given, terminal)
      const { stdin: input = NOTHING, env } = streams
      const around = { terminal, input, env, cwd: process.cwd(), args: command.args, ...common }
      exitCode = await interruptible(terminal, (signal) => action(given, { ...around, signal }))
    })
  }
  try {
    for (const { name, summary, load } of COMMANDS) {
      // Of the others the name is enough, for the help and for what was probably meant.
      if (!args.includes(name)) program.command(name).summary(summary)
      else declareCommand(program, summary, await load(), perform)
    }
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

/** The standard input of a process that has none. */
const NOTHING: Input = (async function* () {})()

/** The one whose name is among the arguments; `kongtask add jobs` declares two, which does no harm. */
function declareCommand(
  program: Command,
  summary: string,
  declare: Declare,
  perform: (command: Command, action: Action) => void,
): void {
  declare(program, perform)
  program.commands.at(-1)?.summary(summary)
}

type Common = Pick<CommandContext, 'isJson' | 'isVerbose'>

function declareProgram({ stdout, stderr }: TerminalStreams, isJson: boolean): Command {
  return new Command('kongtask')
    .description('Background jobs for TypeScript on PostgreSQL.')
    .usage('<command> [options]')
    .version(ownPackage().version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--json', 'print the result as JSON, for programs; errors too, on stderr')
    .option('--no-color', 'print no colours, as without a terminal or with NO_COLOR')
    .option('--verbose', 'print more, and the stack of an error')
    .addHelpText('after', `\n${EXIT_CODES_HELP}\n\nMore about a command: kongtask <command> --help`)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // The help of a command that lacks its verb; a program is told by the error alone.
      writeErr: (text) => void (isJson || stderr.write(text)),
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

async function interruptible(
  { broken }: Terminal,
  perform: (signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { signal, forget } = onInterruption(broken)
  try {
    const exitCode = await perform(signal)
    const { reason }: { readonly reason: unknown } = broken
    // Whoever reads may have enough: `kongtask migrate --sql | head`. A full disk is another thing.
    if (reason instanceof BrokenOutput && !reason.isUnread) throw reason
    return exitCode
  } finally {
    forget()
  }
}
