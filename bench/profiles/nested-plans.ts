import pg from 'pg'

/** A statement that the server ran, and how. */
export interface NestedPlan {
  readonly milliseconds: number
  readonly query: string
  /** As EXPLAIN (ANALYZE, BUFFERS) prints it. */
  readonly plan: string
  /** How often it ran; the rest is of the last time. */
  readonly times: number
}

/** A pool of one connection that tells the plan of every statement, those within functions too, as notices. */
export class ExplainingPool {
  readonly pool: pg.Pool
  readonly #plans = new Map<string, NestedPlan>()

  constructor(connectionString: string) {
    this.pool = new pg.Pool({ connectionString, max: 1 })
    this.pool.on('connect', (client) => client.on('notice', ({ message = '' }) => this.#heard(message)))
  }

  async start(): Promise<void> {
    await this.pool.query(`load 'auto_explain'`)
    for (const setting of ['log_analyze', 'log_buffers', 'log_nested_statements'])
      await this.pool.query(`set auto_explain.${setting} = on`)
    await this.pool.query('set client_min_messages = log')
  }

  /** The plans of what the server does for `work`, in the order in which it ended first; without what reads nothing. */
  async plansOf(work: () => Promise<unknown>): Promise<readonly NestedPlan[]> {
    this.#plans.clear()
    await this.pool.query('set auto_explain.log_min_duration = 0')
    await work()
    await this.pool.query('set auto_explain.log_min_duration = -1')
    return [...this.#plans.values()]
  }

  #heard(message: string): void {
    const found = /^duration: ([\d.]+) ms {2}plan:\nQuery Text: (.*?)\n(?=\S[^\n]* {2}\(cost=)(.*)$/s.exec(
      message,
    )
    if (found === null) return
    const [, milliseconds, query = '', plan = ''] = found
    if (plan.startsWith('Result ') && !plan.includes('Buffers:')) return
    const times = (this.#plans.get(query)?.times ?? 0) + 1
    this.#plans.set(query, { milliseconds: Number(milliseconds), query, plan, times })
  }
}
