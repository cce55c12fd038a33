import type { Command } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import type { Input, Terminal } from './terminal.ts'

/** What every command is given beside its own options. */
export interface CommandContext {
  readonly terminal: Terminal
  /** Standard input. */
  readonly input: Input
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** What stands on the command line beside options, such as the task of `add`. */
  readonly args: readonly string[]
  /** The result as JSON on stdout, and nothing else there. */
  readonly isJson: boolean
  readonly isVerbose: boolean
  /** Aborts when somebody ends the command, or its output is broken. */
  readonly signal: AbortSignal
}

/** The options of a command line, as they were written. */
export type GivenOptions = Readonly<Record<string, unknown>>

/** What a command does. Resolves with what its process ends with. */
export type Action = (given: GivenOptions, context: CommandContext) => Promise<ExitCode>

/** A command, one file each in `commands/`: declares itself below the program. */
export type Declare = (program: Command, perform: (command: Command, action: Action) => void) => void
