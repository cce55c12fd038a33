import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { root } from './snippets.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const page = readFileSync(`${root}docs/sql.md`, 'utf8')
const snippets = [...page.matchAll(/^```sql\n(.*?)^```/gms)].map(([, text = '']) => text)

async function jobs(): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await database.pool.query(
    `select t.name as task, q.name as queue, j.payload, j.lane, j.run_at > j.created_at as later, j.extras
       from kongtask.jobs j join kongtask.tasks t on t.id = j.task_id join kongtask.queues q on q.id = j.queue_id
      order by j.id`,
  )
  await database.pool.query('truncate kongtask.jobs, kongtask.unique_keys')
  return rows
}

describe('docs/sql.md', () => {
  it('has snippets that run in the order of the page, and do what it says of them', async () => {
    const [adding = '', transaction = '', trigger = '', statement = '', refused = '', setting = ''] = snippets
    expect(snippets).toHaveLength(6)

    await database.pool.query(adding)
    expect(await jobs()).toMatchObject([
      { task: 'send_welcome_email', queue: 'default', payload: { userId: 'u1', email: 'ada@example.org' } },
      { task: 'send_welcome_email', lane: 3, later: true },
      { task: 'rebuild_index', payload: {}, extras: { uniqueKey: 'rebuild' } },
      { task: 'send_welcome_email', payload: { userId: 'u3' } },
      { task: 'resize_image', queue: 'images', extras: { tags: ['upload'] } },
    ])

    await database.pool.query(transaction)
    expect(await jobs()).toMatchObject([{ task: 'send_invoice', payload: { order: 1 } }])

    await database.pool.query(trigger)
    await database.pool.query('insert into orders (total) values (1)')
    await database.pool.query('update orders set total = 2 where id = 2')
    await database.pool.query('update orders set total = 3 where id = 2')
    expect(await jobs()).toMatchObject([{ task: 'sync_order', payload: { order: 2 }, later: true }])

    await database.pool.query('drop trigger order_changed on orders')
    await database.pool.query(statement)
    await database.pool.query('insert into orders (total) select n from generate_series(1, 3) n')
    await database.pool.query('insert into orders (total) select 1 where false')
    expect((await jobs()).map(({ task, payload }) => [task, payload])).toEqual(
      [3, 4, 5].map((order) => ['check_order', { order }]),
    )

    await database.pool.query(refused)
    expect(await jobs()).toEqual([])

    await database.pool.query(setting)
    const { rows } = await database.pool.query('select max_payload from kongtask.settings')
    expect(rows).toEqual([{ max_payload: String(4 * 1024 * 1024) }])
  })

  it('has statements for psql and Python that PostgreSQL takes', async () => {
    const fromPsql = /<<< "(.*)"/.exec(page)?.[1] ?? ''
    await database.pool.query(fromPsql.replace(":'payload'", '$1'), ['{"file": "a.png"}'])
    const fromPython = /"(select id, status from kongtask\.add_job\(.*\))"/.exec(page)?.[1] ?? ''
    let n = 0
    await database.pool.query(
      fromPython.replaceAll('%s', () => `$${++n}`),
      ['resize_image', '{"file": "a.png"}', '{"queue": "images"}'],
    )
    expect(await jobs()).toMatchObject([{ task: 'resize_image' }, { task: 'resize_image', queue: 'images' }])
  })
})
