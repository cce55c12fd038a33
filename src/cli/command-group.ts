import type { Command } from 'commander'

/** A command that has verbs, such as `kongtask jobs list`. Without one of them its help is printed, and it is refused. */
export function commandGroup(
  program: Command,
  name: string,
  { description, examples }: { description: string; examples: readonly string[] },
): Command {
  const shown = examples.map((example) => `  $ kongtask ${example}`).join('\n')
  return program
    .command(name)
    .usage('<command> [options]')
    .description(description)
    .addHelpText('after', `\nExamples:\n${shown}\n\nMore about a command: kongtask ${name} <command> --help`)
}
