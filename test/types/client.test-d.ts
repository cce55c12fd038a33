import { expectTypeOf } from 'expect-type'
import { defineTask, handle, KongTask, type AddJob, type AddJobs, type JobAdder } from 'kongtask'
import { Client, Pool } from 'pg'

const connectionString = 'postgres://localhost/db'
const pool = new Pool()
const task = defineTask('a')

export async function construct(): Promise<void> {
  void new KongTask({ connectionString })
  void new KongTask({ pool, schema: undefined, deadline: '5s', maxPayload: 1_000 })
  void new KongTask({ pool, tasks: [task, defineTask('b', { maxAttempts: 1 })] })
  void new KongTask({ pool, tasks: { task } })
  void new KongTask({ pool, tasks: [handle(task, () => 1), { name: 'c', handle: () => 1 }] })
  void new KongTask({ pool, tasks: { plain: () => 1 } })
  await using kong = new KongTask({ connectionString })
  void kong
  // @ts-expect-error nowhere to connect to
  void new KongTask({})
  // @ts-expect-error one of the two
  void new KongTask({ connectionString, pool })
  // @ts-expect-error misspelt
  void new KongTask({ connectionString, shema: 'x' })
  // @ts-expect-error no pool
  void new KongTask({ pool: {} })
}

export function onTransactions(kong: KongTask): void {
  const on = kong.with(new Client())
  expectTypeOf(on).toEqualTypeOf<JobAdder>()
  expectTypeOf(on.addJob).toEqualTypeOf<AddJob>()
  expectTypeOf(on.addJobs).toEqualTypeOf<AddJobs>()
  // @ts-expect-error nothing else is offered there
  void on.migrate
  // @ts-expect-error not a connection at all
  kong.with('begin')
}
