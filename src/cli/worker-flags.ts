import type { Command } from 'commander'

/** What of a worker `work` and `dev` may be told. */
export function addWorkerFlags(command: Command): Command {
  return command
    .option('--queues <queues>', 'only these, with their concurrency: email=10,reports=2')
    .option(
      '--concurrency <number>',
      'jobs at a time, over all queues or for each that has no number (default: 10)',
    )
    .option('--tasks <folder>', 'the folder of task files (default: as configured, or tasks)')
    .option('--crontab <file>', 'the file of schedules (default: as configured, or crontab)')
}

/** The keys of these flags, which are settings. */
export const WORKER_SETTINGS: readonly string[] = ['tasks', 'crontab', 'queues', 'concurrency']
