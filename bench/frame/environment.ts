import { availableParallelism, cpus, totalmem } from 'node:os'
import type { BenchServer } from '../servers/databases.ts'

/** What figures depend on beside the systems. */
export interface Environment {
  readonly node: string
  readonly postgres: string
  readonly cpus: number
  readonly cpu: string
  /** In GiB. */
  readonly memory: number
  readonly platform: string
  readonly date: string
  readonly settings: Readonly<Record<string, string>>
}

export function environmentOf(server: BenchServer): Environment {
  return {
    node: process.version,
    postgres: server.version,
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memory: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString(),
    settings: server.settings,
  }
}
