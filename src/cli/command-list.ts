// Every command, in the order of the help. Its module is loaded when it is called: all of them take half a second.
import type { Declare } from './command.ts'

export interface ListedCommand {
  readonly name: string
  /** What stands behind it in the help of the program. */
  readonly summary: string
  readonly load: () => Promise<Declare>
}

export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'init',
    summary: 'set up a project, in an empty folder or in an existing project',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'dev',
    summary: 'run jobs while you write them: restarts with every change, brings a database',
    load: async () => (await import('./commands/dev.ts')).dev,
  },
  {
    name: 'work',
    summary: 'run jobs until stopped',
    load: async () => (await import('./commands/work.ts')).work,
  },
  {
    name: 'add',
    summary: 'add a job',
    load: async () => (await import('./commands/add.ts')).add,
  },
  {
    name: 'jobs',
    summary: 'look at jobs, and retry, cancel or delete them',
    load: async () => (await import('./commands/jobs.ts')).jobs,
  },
  {
    name: 'logs',
    summary: "what a job's handlers logged",
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  {
    name: 'queues',
    summary: 'look at queues, pause and resume them',
    load: async () => (await import('./commands/queues.ts')).queues,
  },
  {
    name: 'dead',
    summary: 'dead letters: look at them, bring them back, forget them',
    load: async () => (await import('./commands/dead.ts')).dead,
  },
  {
    name: 'schedules',
    summary: 'look at schedules, preview, make, change, pause, run and delete them',
    load: async () => (await import('./commands/schedules.ts')).schedules,
  },
  {
    name: 'workers',
    summary: 'which processes work, and on what',
    load: async () => (await import('./commands/workers.ts')).workers,
  },
  {
    name: 'top',
    summary: 'queues and workers, live in the terminal',
    load: async () => (await import('./commands/top.ts')).top,
  },
  {
    name: 'check',
    summary: 'whether this code could run the jobs that are queued',
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'migrate',
    summary: "create KongTask's tables, or bring them up to date",
    load: async () => (await import('./commands/migrate.ts')).migrate,
  },
  {
    name: 'import',
    summary: 'move jobs and schedules from other job systems, or add those of a file',
    load: async () => (await import('./commands/import.ts')).imports,
  },
  {
    name: 'export',
    summary: 'jobs as lines of JSON',
    load: async () => (await import('./commands/export.ts')).exports,
  },
  {
    name: 'doctor',
    summary: 'what is wrong, and what to do about it',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'bench',
    summary: 'what this database and machine can do, in a few seconds',
    load: async () => (await import('./commands/bench.ts')).bench,
  },
  {
    name: 'torture',
    summary: 'torment a system that works, and count what was lost',
    load: async () => (await import('./commands/torture.ts')).torture,
  },
]
