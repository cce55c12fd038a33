// How plans get at rows, and what is wrong with that: in tables that grow, a row is found by its place, or down an index to
// where it is. Less than the columns below would be a walk of the index.
import { JIT_ABOVE, nodesOf, rowsReadBy, type Explained, type PlanNode } from '../explained.ts'

interface Index {
  readonly table: string
  /** Those that a condition must name at least. */
  readonly columns: readonly string[]
}

const INDEXES: ReadonlyMap<string, Index> = new Map([
  ['jobs_pkey', { table: 'jobs', columns: ['queue_id', 'id'] }],
  ['jobs_lane', { table: 'jobs', columns: ['queue_id', 'lane', 'run_at'] }],
  ['jobs_serial', { table: 'jobs', columns: ['queue_id', 'serial_key'] }],
  ['jobs_parked', { table: 'jobs', columns: ['queue_id', 'waits_for'] }],
  ['serial_keys_pkey', { table: 'serial_keys', columns: ['queue_id', 'key'] }],
  ['serial_keys_unsettled', { table: 'serial_keys', columns: ['queue_id'] }],
  ['unique_keys_pkey', { table: 'unique_keys', columns: ['task_id', 'key'] }],
  ['rates_pkey', { table: 'rates', columns: ['queue_id', 'gate'] }],
  ['rates_waiting', { table: 'rates', columns: ['queue_id'] }],
  ['claims_pkey', { table: 'claims', columns: ['worker'] }],
  ['claim_marks_newest', { table: 'claim_marks', columns: ['queue_id', 'run_at'] }],
  ['claims_limited', { table: 'claims', columns: ['queue_id'] }],
  ['claims_unlimited', { table: 'claims', columns: ['queue_id'] }],
  ['messages_pkey', { table: 'messages', columns: ['worker'] }],
  ['completions_pkey', { table: 'completions', columns: ['worker', 'claim', 'job_id'] }],
  ['steps_pkey', { table: 'steps', columns: ['job_id'] }],
  ['progress_pkey', { table: 'progress', columns: ['job_id'] }],
])

/** The tables that grow and that hot statements read. */
export const TABLES: readonly string[] = [...new Set([...INDEXES.values()].map(({ table }) => table))]

/** As long as there are processes and names, or shorter. */
const SHORT = /^(workers|queues|tasks|chores|settings|\w+_horizon)$/

/** No hot statement has this many to read at once; whoever walks through what the tests have put there reads more. */
const MOST_ROWS = 2_000

/** The table that grows whose rows, or their places, the node reads; a node below may be the one that finds them. */
function tableReadBy(node: PlanNode): string | undefined {
  const table = node['Relation Name'] ?? INDEXES.get(node['Index Name'] ?? '')?.table
  return table === undefined || SHORT.test(table) || node['Node Type'] === 'ModifyTable' ? undefined : table
}

const readsJobs = (node: PlanNode): boolean => tableReadBy(node) === 'jobs'

/** What is wrong with a plan, as sentences; `of`: where only some tables are meant. */
export function sins(
  { Plan: plan, Settings: settings, JIT: jit }: Explained,
  of?: readonly string[],
): string[] {
  const found = nodesOf(plan).flatMap((node) => {
    const table = tableReadBy(node)
    if (table === undefined) {
      const wasteful = /Sort|Hash Join|Merge Join|Materialize/.test(node['Node Type'])
      return wasteful && nodesOf(node).some(readsJobs) ? [`a ${node['Node Type']} above jobs`] : []
    }
    if (of !== undefined && !of.includes(table)) return []
    const rows = rowsReadBy(node)
    return [
      ...(isGoodWay(node, table) ? [] : [`${table} by ${described(node)}`]),
      ...(rows > MOST_ROWS ? [`${rows} rows of ${table} by ${described(node)}`] : []),
    ]
  })
  if (jit !== undefined) found.push('compiled')
  // A server without LLVM compiles nothing, and must not hide it.
  if (plan['Total Cost'] >= JIT_ABOVE && settings?.['jit'] !== 'off') found.push('would be compiled')
  return found
}

function isGoodWay(node: PlanNode, table: string): boolean {
  const { 'Node Type': type, 'Index Name': name = '', 'Index Cond': condition = '' } = node
  if (type === 'Tid Scan') return true
  // It finds all that fits before it answers the first: of a lane, the whole backlog.
  if (type.startsWith('Bitmap') && table === 'jobs') return false
  // Below it stands the index.
  if (type === 'Bitmap Heap Scan') return true
  const columns = INDEXES.get(name)?.columns
  return columns?.every((column) => new RegExp(`\\b${column}\\b`).test(condition)) ?? false
}

function described(node: PlanNode): string {
  const {
    'Node Type': type,
    'Index Name': index = 'no index',
    'Index Cond': condition = 'no condition',
  } = node
  return type === 'Tid Scan' ? type : `${type} of ${index} with ${condition}`
}

/** How the plans get at rows: index names, `place`, or the walk that it is. */
export function ways(plans: readonly Explained[], of?: readonly string[]): ReadonlySet<string> {
  const nodes = plans.flatMap(({ Plan: plan }) => nodesOf(plan))
  return new Set(
    nodes.flatMap((node) => {
      const table = tableReadBy(node)
      if (table === undefined || (of !== undefined && !of.includes(table))) return []
      const type = node['Node Type']
      if (type === 'Bitmap Heap Scan') return []
      return [node['Index Name'] ?? (type === 'Tid Scan' ? 'place' : `${type} of ${table}`)]
    }),
  )
}

/** The tables that the plans write to. */
export function written(plans: readonly Explained[]): ReadonlySet<string> {
  const nodes = plans.flatMap(({ Plan: plan }) => nodesOf(plan))
  return new Set(
    nodes.flatMap((node) => (node['Node Type'] === 'ModifyTable' ? (node['Relation Name'] ?? []) : [])),
  )
}
