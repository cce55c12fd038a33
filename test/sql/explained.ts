import pg from 'pg'
import type { JsonObject } from '../../src/core/json.ts'
import type { Database } from '../../src/store/database.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'

/** Above this estimate PostgreSQL compiles a plan, which costs more than the statement: jit_above_cost. */
export const JIT_ABOVE = 100_000

export interface PlanNode {
  readonly 'Node Type': string
  /** What a ModifyTable does. */
  readonly Operation?: string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Total Cost': number
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

export interface Explained {
  readonly 'Query Text': string
  readonly Plan: PlanNode
  /** Planner settings that are not at their default. */
  readonly Settings?: JsonObject
  readonly JIT?: object
}

/** One scan of a table, with how much of it was read. */
export interface Scan {
  readonly table: string
  /** `Index Scan using jobs_lane`, `Tid Scan` and the like. */
  readonly how: string
  /** Rows that it found and rows that it threw away, over all its loops. */
  readonly rows: number
}

/** A connection that sees the plan of every statement, those inside of functions too. */
export class ExplainedSession {
  readonly database: Database
  readonly store: Store
  readonly #pool: pg.Pool
  #plans: Explained[] = []

  constructor(connectionString: string) {
    // A pool of one is one connection.
    this.#pool = new pg.Pool({ connectionString, max: 1 })
    this.#pool.on('connect', (client) => client.on('notice', ({ message }) => this.#read(message ?? '')))
    this.database = pgDatabase(this.#pool, 60_000)
    this.store = createStore(this.database, 'kongtask')
  }

  async start(): Promise<void> {
    const settings = [
      // Not the defaults of some server: those of PostgreSQL, and JIT wherever it can be.
      `jit = on`,
      `jit_above_cost = ${JIT_ABOVE}`,
      `auto_explain.log_format = json`,
      `auto_explain.log_nested_statements = on`,
      `auto_explain.log_settings = on`,
      `auto_explain.log_analyze = on`,
      `auto_explain.log_buffers = on`,
      `auto_explain.log_timing = off`,
      `client_min_messages = log`,
    ]
    await this.query(`load 'auto_explain'; ${settings.map((setting) => `set ${setting}`).join('; ')}`)
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }

  async query(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return (await this.#pool.query<Record<string, unknown>>(text, values)).rows
  }

  /** The plans of everything that `work` has the database do. */
  async explain(work: (store: Store) => Promise<unknown>): Promise<readonly Explained[]> {
    this.#plans = []
    await this.query('set auto_explain.log_min_duration = 0')
    await work(this.store)
    await this.query('set auto_explain.log_min_duration = -1')
    return this.#plans
  }

  /** What was scanned, of this table, by the statements of `work`. */
  async scansOf(table: string, work: (store: Store) => Promise<unknown>): Promise<Scan[]> {
    return (await this.scans(work)).filter((scan) => scan.table === table)
  }

  /** What was scanned, of all tables. */
  async scans(work: (store: Store) => Promise<unknown>): Promise<Scan[]> {
    const plans = await this.explain(work)
    return plans.flatMap(({ Plan: plan }) => nodesOf(plan).flatMap(scanOf))
  }

  /** Pages that the statements of `work` have touched. */
  async pagesOf(work: (store: Store) => Promise<unknown>): Promise<number> {
    // The outermost statement comes last, and counts what those within it have touched.
    const outermost = (await this.explain(work)).at(-1)?.Plan
    return (outermost?.['Shared Hit Blocks'] ?? 0) + (outermost?.['Shared Read Blocks'] ?? 0)
  }

  #read(message: string): void {
    const [, json] = /^duration: .* plan:\s*(\{[^]*\})\s*$/.exec(message) ?? []
    if (json === undefined) return
    const plan: Explained = JSON.parse(json)
    this.#plans.push(plan)
  }
}

/** The node and all below it. */
export function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

/** Rows that a node found and rows that it threw away, over all its loops. */
export function rowsReadBy(node: PlanNode): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return (node['Actual Rows'] + removed) * node['Actual Loops']
}

function scanOf(node: PlanNode): Scan[] {
  const { 'Relation Name': table, 'Index Name': index, 'Node Type': type } = node
  if (table === undefined || !type.endsWith('Scan')) return []
  return [{ table, how: index === undefined ? type : `${type} using ${index}`, rows: rowsReadBy(node) }]
}
