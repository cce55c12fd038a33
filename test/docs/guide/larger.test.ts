// docs/guide/, "Larger work".
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddedCounts, HandledTask, KongTask, Runner, TaskFunction, TaskList } from 'kongtask'
import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { settled, useJourney } from '../../journeys/journey.ts'
import { guidePage, workOff } from './guide-page.ts'

const app = useJourney()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kongtask-guide-'))
  await app.query(`
    create table stock (product text, store text, quantity int not null check (quantity < 100), primary key (product, store));
    create table products (name text primary key, stock int);
    create table orders (id int primary key, product text, quantity int, charge text);
    create table users (id int);
  `)
})
beforeEach(() => app.query('truncate stock, products, orders, users'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const stock = (): Promise<readonly object[]> => app.query('select store, quantity from stock order by store')

describe('docs/guide/connections.md', () => {
  it('moves all or nothing, and not a second time', async () => {
    const { default: task } = await (
      await guidePage('connections')
    ).load<{ default: HandledTask }>('tasks/move_stock.ts')
    await app.query("insert into stock values ('tea', 'a', 10), ('tea', 'b', 95)")
    const move = { product: 'tea', from: 'a', to: 'b' }
    const [fine, full, poor] = await app.kong.addJobs([
      { task: 'move_stock', payload: { ...move, quantity: 4 } },
      { task: 'move_stock', payload: { ...move, quantity: 1 } },
      { task: 'move_stock', payload: { ...move, quantity: 50 } },
    ])
    await workOff(app, [task])
    expect(await app.job(fine?.id ?? '')).toMatchObject({ state: 'completed' })
    // The second statement fails, so the first is taken back.
    expect(await app.job(full?.id ?? '')).toMatchObject({ state: 'scheduled', errors: [{ code: '23514' }] })
    expect(await app.job(poor?.id ?? '')).toMatchObject({
      state: 'dead',
      errors: [{ name: 'PermanentError' }],
    })
    expect(await stock()).toEqual([
      { store: 'a', quantity: 6 },
      { store: 'b', quantity: 99 },
    ])
  })

  it('gives connection and file back, also when it fails', async () => {
    const { default: task } = await (
      await guidePage('connections')
    ).load<{ default: HandledTask }>('tasks/export_stock.ts')
    await app.query("insert into stock values ('tea', 'a', 10), ('tea', 'b', 5), ('cup', 'a', 1)")
    const file = join(folder, 'stock.csv')
    // With a single connection, a job that kept it would keep the next one waiting for ever.
    const pool = new Pool({ connectionString: app.database.connectionString, max: 1 })
    try {
      const [wrong, fine] = await app.kong.addJobs([
        { task: 'export_stock', payload: { file: join(folder, 'not/there.csv') } },
        { task: 'export_stock', payload: { file } },
      ])
      await workOff(app, [task], { pool })
      expect(await app.job(wrong?.id ?? '')).toMatchObject({
        state: 'scheduled',
        errors: [{ code: 'ENOENT' }],
      })
      expect(await app.job(fine?.id ?? '')).toMatchObject({ state: 'completed', result: { rows: 2 } })
      expect(await readFile(file, 'utf8')).toBe('cup;1\ntea;15\n')
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
    } finally {
      await pool.end()
    }
  })
})

describe('docs/guide/composition.md', () => {
  interface ProcessOrder {
    orderProcessor: (payments: { charge(orderId: number): Promise<string> }) => HandledTask
  }

  it('charges once, takes from stock once and ships once, although an attempt fails in between', async () => {
    const { orderProcessor } = await (await guidePage('composition')).load<ProcessOrder>('process-order.ts')
    await app.query("insert into products values ('tea', 10); insert into orders values (1, 'tea', 4)")
    const charged: number[] = []
    const task = orderProcessor({
      charge: async (orderId) => {
        charged.push(orderId)
        return `ch_${charged.length}`
      },
    })
    const { id } = await app.kong.addJob('process_order', { orderId: 1 })
    await app.query('alter table orders rename column charge to paid')
    await workOff(app, [task])
    expect(await app.job(id)).toMatchObject({ state: 'scheduled', attempt: 1, errors: [{ code: '42703' }] })
    expect(await app.query('select stock from products')).toEqual([{ stock: 10 }])
    await app.query('alter table orders rename column paid to charge')
    await app.kong.jobs.runNow(id)
    await workOff(app, [task])

    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 2, result: { charge: 'ch_1' } })
    expect(charged).toEqual([1])
    expect(await app.query('select stock from products')).toEqual([{ stock: 6 }])
    expect(await app.query('select charge from orders')).toEqual([{ charge: 'ch_1' }])
    const { jobs } = await app.kong.jobs.list({ task: 'schedule_shipping' })
    expect(jobs).toMatchObject([{ payload: { orderId: 1 }, parentId: id, rootId: id, state: 'ready' }])
  })

  it('charges nobody for what is not there', async () => {
    const { orderProcessor } = await (await guidePage('composition')).load<ProcessOrder>('process-order.ts')
    await app.query("insert into products values ('tea', 1); insert into orders values (1, 'tea', 4)")
    const task = orderProcessor({ charge: () => Promise.reject(new Error('must not be asked')) })
    const added = await app.kong.addJobs([
      { task: 'process_order', payload: { orderId: 1 } },
      { task: 'process_order', payload: { orderId: 2 } },
    ])
    await workOff(app, [task])
    const jobs = await Promise.all(added.map(({ id }) => app.job(id)))
    expect(jobs.map(({ state, errors }) => [state, errors[0]?.message])).toEqual([
      ['dead', 'tea is sold out'],
      ['dead', 'there is no order 2'],
    ])
  })
})

describe('docs/guide/progress.md', () => {
  interface ProcessBatch {
    batchProcessor: (processItem: (item: string, signal: AbortSignal) => Promise<void>) => HandledTask
  }
  const items = Array.from({ length: 20 }, (_, n) => `item ${n}`)

  it('tells how far it is, up to the last item', async () => {
    const page = await guidePage('progress')
    const { batchProcessor } = await page.load<ProcessBatch>('tasks/process_batch.ts')
    const { percentage } = await page.load<{ percentage: (kong: KongTask, id: string) => Promise<number> }>(
      'percentage.ts',
    )
    const { id } = await app.kong.addJob('process_batch', { batchId: 'b1', items }, { scheduledIn: '1h' })
    expect(await percentage(app.kong, id)).toBe(0)
    const heard: number[] = []
    const runner = await app.run([batchProcessor(async () => undefined)])
    runner.on('job.progress', ({ done }) => heard.push(done))
    const done = settled(runner, 1)
    await app.kong.jobs.runNow(id)
    await done
    await runner.stop()
    expect(await percentage(app.kong, id)).toBe(100)
    expect((await app.job(id)).progress).toMatchObject({ done: 20, total: 20, note: 'items' })
    expect(heard).toEqual(items.map((_, n) => n + 1))
  })

  it('says which item failed, and stops at the next one when the job is cancelled', async () => {
    const { batchProcessor } = await (
      await guidePage('progress')
    ).load<ProcessBatch>('tasks/process_batch.ts')
    const failing = await app.kong.addJob('process_batch', { batchId: 'b2', items })
    await workOff(app, [
      batchProcessor((item) =>
        item === 'item 3' ? Promise.reject(new Error('no such item')) : Promise.resolve(),
      ),
    ])
    expect(await app.job(failing.id)).toMatchObject({
      progress: { done: 3, total: 20 },
      errors: [{ message: 'item 3 of batch b2', cause: { message: 'no such item' } }],
    })
    await app.kong.jobs.cancel(failing.id)

    const { id } = await app.kong.addJob('process_batch', { batchId: 'b3', items })
    let processed = 0
    await workOff(app, [
      batchProcessor(async (_item, signal) => {
        processed += 1
        if (processed < 5) return
        const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
        await app.kong.jobs.cancel(id)
        await aborted
      }),
    ])
    expect(processed).toBe(5)
    expect(await app.job(id)).toMatchObject({ state: 'cancelled' })
  })
})

describe('docs/guide/pools.md', () => {
  const pidsOf = async (task: TaskFunction): Promise<number[]> => {
    const added = await app.kong.addJobs(Array.from({ length: 5 }, () => ({ task: 'count_users' })))
    const pool = new Pool({ connectionString: app.database.connectionString })
    try {
      await workOff(app, { count_users: task }, { pool })
    } finally {
      await pool.end()
    }
    const jobs = await Promise.all(added.map(({ id }) => app.job(id)))
    const pids = jobs.map(({ result }) =>
      typeof result === 'object' && result !== null && 'pid' in result ? Number(result['pid']) : Number.NaN,
    )
    return [...new Set(pids)]
  }

  it('has a good way, which takes one connection for five jobs, and a bad one, which opens five', async () => {
    const page = await guidePage('pools')
    const { countUsers } = await page.load<{ countUsers: TaskFunction }>('good.ts')
    const { badCountUsers } = await page.load<{ badCountUsers: (url: string) => TaskFunction }>('bad.ts')
    expect(await pidsOf(countUsers)).toHaveLength(1)
    expect(await pidsOf(badCountUsers(app.database.connectionString))).toHaveLength(5)
  })

  it('has a worker with a pool that bears its jobs', async () => {
    const page = await guidePage('pools')
    const { countUsers } = await page.load<{ countUsers: TaskFunction }>('good.ts')
    const { start } = await page.load<{
      start: (url: string, tasks: TaskList) => { pool: Pool; running: Promise<Runner> }
    }>('worker.ts')
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      const { pool, running } = start(app.database.connectionString, { count_users: countUsers })
      const runner = await running
      const done = settled(runner, 30)
      await app.kong.addJobs(Array.from({ length: 30 }, () => ({ task: 'count_users' })))
      await done
      await runner.stop()
      await pool.end()
    } finally {
      written.mockRestore()
    }
    expect(await app.states()).toEqual({ completed: 30 })
  })
})

describe('docs/guide/memory.md', () => {
  it('reads a file in chunks, and ends in the middle when the job is cancelled', async () => {
    const { default: task } = await (
      await guidePage('memory')
    ).load<{ default: HandledTask }>('tasks/hash_file.ts')
    const filePath = join(folder, 'large')
    const content = Buffer.alloc(1024 * 1024, 'kong')
    await writeFile(filePath, content)
    const { id } = await app.kong.addJob('hash_file', { filePath })
    await workOff(app, [task])
    expect((await app.job(id)).result).toEqual({
      bytes: content.length,
      largest: 8_192,
      sha256: createHash('sha256').update(content).digest('hex'),
    })
    const { mockContext } = await import('kongtask/testing')
    const handled: unknown = task.handle(
      { filePath },
      mockContext({ signal: AbortSignal.abort(new Error('enough')) }),
    )
    await expect(handled).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('adds a file line by line, all or none', async () => {
    const { addLines } = await (
      await guidePage('memory')
    ).load<{
      addLines: (kong: KongTask, filePath: string) => Promise<AddedCounts>
    }>('add-lines.ts')
    const filePath = join(folder, 'lines')
    await writeFile(filePath, Array.from({ length: 6_000 }, (_, n) => `line ${n}\n`).join(''))
    expect(await addLines(app.kong, filePath)).toEqual({ added: 6_000, skipped: 0, replaced: 0 })
    expect(await app.states()).toEqual({ ready: 6_000 })
  })
})
