import pg from 'pg'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'

/** One scan of a table, with how much of it was read. */
export interface Scan {
  readonly table: string
  /** `Index Scan using jobs_lane`, `Tid Scan` and the like. */
  readonly how: string
  /** Rows that it found and rows that it threw away, over all its loops. */
  readonly rows: number
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

/** A connection that sees the plan of every statement, those inside of functions too. */
export class ExplainedSession {
  readonly #pool: pg.Pool
  #plans: PlanNode[] = []

  constructor(connectionString: string) {
    this.#pool = new pg.Pool({ connectionString, max: 1 })
    this.#pool.on('connect', (client) => client.on('notice', ({ message }) => this.#read(message ?? '')))
  }

  get store(): Store {
    return createStore(pgDatabase(this.#pool, 60_000), 'kongtask')
  }

  async start(): Promise<void> {
    await this.#pool.query(`load 'auto_explain'`)
    for (const setting of ['analyze', 'buffers', 'nested_statements']) {
      await this.#pool.query(`set auto_explain.log_${setting} = on`)
    }
    await this.#pool.query(`set auto_explain.log_format = json`)
    await this.#pool.query(`set client_min_messages = log`)
    await this.#pool.query(`set auto_explain.log_min_duration = 0`)
  }

  /** What was scanned, of this table, by the statements of `work`. */
  async scansOf(table: string, work: (store: Store) => Promise<unknown>): Promise<Scan[]> {
    return (await this.scans(work)).filter((scan) => scan.table === table)
  }

  /** What was scanned, of all tables. */
  async scans(work: (store: Store) => Promise<unknown>): Promise<Scan[]> {
    this.#plans = []
    await work(this.store)
    return this.#plans.flatMap(scans)
  }

  /** Pages that the statements of `work` have touched. */
  async pagesOf(work: (store: Store) => Promise<unknown>): Promise<number> {
    this.#plans = []
    await work(this.store)
    // The outermost statement comes last, and counts what those within it have touched.
    const outermost = this.#plans.at(-1)
    return (outermost?.['Shared Hit Blocks'] ?? 0) + (outermost?.['Shared Read Blocks'] ?? 0)
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }

  #read(message: string): void {
    const [, json] = /plan:\s*(\{.*)$/s.exec(message) ?? []
    if (json === undefined) return
    const { Plan: plan }: { Plan: PlanNode } = JSON.parse(json)
    this.#plans.push(plan)
  }
}

function scans(node: PlanNode): Scan[] {
  const below = (node.Plans ?? []).flatMap(scans)
  const { 'Relation Name': table, 'Index Name': index, 'Node Type': type } = node
  if (table === undefined || !type.endsWith('Scan')) return below
  const found = node['Actual Rows'] * node['Actual Loops']
  const removed =
    ((node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
    node['Actual Loops']
  return [
    { table, how: index === undefined ? type : `${type} using ${index}`, rows: found + removed },
    ...below,
  ]
}
