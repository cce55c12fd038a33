// docs/guide/, "Writing a handler".
import {
  KongTask,
  run,
  type HandledTask,
  type Runner,
  type TaskList,
  type TaskObject,
  type WorkerPool,
} from 'kongtask'
import { mockContext } from 'kongtask/testing'
import type { Pool } from 'pg'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { findTaskFiles } from '../../../src/project/find-task-files.ts'
import { taskOfModule } from '../../../src/project/task-of-module.ts'
import { silent } from '../../journeys/journey-logger.ts'
import { settled, useJourney } from '../../journeys/journey.ts'
import { guidePage, withDatabaseUrl, workOff } from './guide-page.ts'

const app = useJourney()

beforeAll(async () => {
  await app.query(`
    create table files (name text, deleted_at timestamptz);
    create table balances (user_id int primary key, cents int);
    create table payments (id text primary key, user_id int, cents int, currency text);
    create table invoices (id int primary key, email text);
    create table documents (body jsonb);
  `)
})

describe('docs/guide/basic-handler.md', () => {
  it('adds with a script, works with another, and logs what it did with the job', async () => {
    const page = await guidePage('basic-handler')
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      await withDatabaseUrl(app.database.connectionString, async () => {
        await page.load('add.ts')
        const { runner } = await page.load<{ runner: Runner }>('worker.ts')
        // It may have begun by now.
        await expect
          .poll(async () => (await app.states())['completed'], { timeout: 10_000, interval: 10 })
          .toBe(1)
        await runner.stop()
      })
      const lines = written.mock.calls.map(([text]) => String(text)).join('')
      expect(lines).toMatch(/info {2}Sending email to=ada@example\.org subject=Hello jobId=1 task=send_email/)
      expect(lines).toMatch(/info {2}Email sent jobId=1/)
    } finally {
      written.mockRestore()
    }
  })
})

describe('docs/guide/registration.md', () => {
  const sent: unknown[] = []
  const mailer = { send: async (mail: unknown) => void sent.push(mail) }
  const storage = {
    shrink: async (key: string, width: number, height: number) => `${key}-${width}x${height}`,
  }
  interface Worker {
    tasksOf: (mailer: object, storage: object) => Record<string, TaskObject> & TaskList
    start: (connectionString: string, tasks: TaskList) => Promise<Runner>
    startOn: (pool: Pool, tasks: TaskList) => Promise<WorkerPool>
  }

  const addAll = async (): Promise<string[]> => {
    const added = await app.kong.addJobs([
      {
        task: 'send_welcome_email',
        payload: { userId: 'u1', email: 'ada@example.org', name: 'Ada' },
        queue: 'email',
      },
      { task: 'process_image', payload: { fileKey: 'cat', userId: 'u1', width: 64, height: 32 } },
      { task: 'cleanup_files' },
    ])
    return added.map(({ id }) => id)
  }

  it('performs all three forms in one worker, with what was passed to them', async () => {
    sent.length = 0
    const { tasksOf } = await (await guidePage('registration')).load<Worker>('worker.ts')
    await app.query(
      "insert into files values ('old', now() - interval '31 days'), ('new', now()), ('kept', null)",
    )
    const [, image = ''] = await addAll()
    await workOff(app, tasksOf(mailer, storage), { queues: { email: 10, default: 5 } })
    expect(await app.states()).toEqual({ completed: 3 })
    expect(sent).toEqual([{ to: 'ada@example.org', template: 'welcome', data: { name: 'Ada' } }])
    expect((await app.job(image)).result).toBe('cat-64x32')
    expect(await app.query('select name from files order by name')).toEqual([
      { name: 'kept' },
      { name: 'new' },
    ])
  })

  it('starts with run, and with the call of the seed on a pool, which is released', async () => {
    const { tasksOf, start, startOn } = await (await guidePage('registration')).load<Worker>('worker.ts')
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      const welcomed = async (runner: Runner): Promise<string[]> => {
        const done = settled(runner, 3)
        await addAll()
        return (await done).map(({ settlement }) => settlement.kind)
      }
      const runner = await start(app.database.connectionString, tasksOf(mailer, storage))
      expect(await welcomed(runner)).toEqual(Array(3).fill('completed'))
      await runner.stop()

      const workerPool = await startOn(app.database.pool, tasksOf(mailer, storage))
      expect(await welcomed(workerPool)).toEqual(Array(3).fill('completed'))
      await Promise.all([workerPool.release(), workerPool.wait()])
    } finally {
      written.mockRestore()
    }
  })

  it('has the class checked by its contract, and refuses two handlers for one task', async () => {
    const { tasksOf } = await (await guidePage('registration')).load<Worker>('worker.ts')
    const { send_welcome_email: welcome } = tasksOf(mailer, storage)
    if (welcome === undefined) throw new Error('it is not there')
    const { id } = await app.kong.addJob('send_welcome_email', {
      userId: 'u1',
      email: 'no address',
      name: 'Ada',
    })
    await workOff(app, [welcome])
    expect(await app.job(id)).toMatchObject({ state: 'dead', attempt: 1 })
    await expect(
      run({ pool: app.database.pool, tasks: [welcome, welcome], logger: silent }),
    ).rejects.toMatchObject({ code: 'KT_TASK_DUPLICATE' })
  })
})

describe('docs/guide/task-files.md', () => {
  it('has files that are found under the names of their tasks, and performed', async () => {
    const { folder, load } = await guidePage('task-files')
    const found = await findTaskFiles(`${folder}/tasks`, () => undefined)
    expect(found.map(({ name }) => name)).toEqual(['reports/monthly', 'send_invoice'])
    const modules = await Promise.all(
      found.map(({ name }) => load<Record<string, unknown>>(`tasks/${name}.ts`)),
    )
    const tasks = Object.fromEntries(
      found.map(({ name }, n): [string, ReturnType<typeof taskOfModule>] => [
        name,
        taskOfModule(modules[n] ?? {}),
      ]),
    )
    const [, report] = await app.kong.addJobs([
      { task: 'send_invoice', payload: { invoiceId: '7' } },
      { task: 'reports/monthly' },
    ])
    await workOff(app, tasks)
    expect(await app.states()).toEqual({ completed: 2 })
    expect((await app.job(report?.id ?? '')).result).toEqual({ reportedAt: expect.stringMatching(/Z$/) })
  })
})

describe('docs/guide/payload-validation.md', () => {
  const payment = { userId: 1, cents: 700, currency: 'EUR', paymentId: 'p1' }

  it('refuses at the call what does not fit the structure or a rule, before anything is written', async () => {
    const { processPayment } = await (
      await guidePage('payload-validation')
    ).load<{
      processPayment: HandledTask['task']
    }>('tasks/process_payment.ts')
    const kong = app.kong
    const add = (more: object): Promise<unknown> =>
      // As JavaScript would call it: the compiler refuses these.
      Reflect.apply(kong.addJob, kong, [processPayment, { ...payment, ...more }])
    for (const [flaw, said] of [
      [{ userId: 0 }, 'userId'],
      [{ cents: -1 }, 'cents'],
      [{ cents: '7' }, 'cents'],
      [{ currency: '' }, 'currency is required'],
      [{ currency: 'JPY', cents: 750 }, 'yen have no cents'],
    ] as const) {
      await expect(add(flaw)).rejects.toMatchObject({
        code: 'KT_PAYLOAD_INVALID',
        message: expect.stringContaining(said),
      })
    }
    expect(await app.states()).toEqual({})
    await add({ currency: 'JPY' })
    expect(await app.states()).toEqual({ ready: 1 })
  })

  it('kills at the first attempt what was added by name and does not fit, and what the database refuses', async () => {
    const { default: task } = await (
      await guidePage('payload-validation')
    ).load<{ default: HandledTask }>('tasks/process_payment.ts')
    await app.query('insert into balances values (1, 1000)')
    const add = async (payload: object): Promise<string> =>
      (await app.kong.addJob('process_payment', payload)).id
    const unfit = await add({ ...payment, userId: 'ada' })
    const paid = await add(payment)
    const again = await add(payment)
    const poor = await add({ ...payment, paymentId: 'p2' })
    await workOff(app, [task])
    expect((await app.job(unfit)).errors).toMatchObject([
      { attempt: 1, message: expect.stringContaining('userId') },
    ])
    expect(await app.job(unfit)).toMatchObject({ state: 'dead' })
    expect(await app.job(poor)).toMatchObject({
      state: 'dead',
      errors: [{ name: 'PermanentError', message: 'user 1 cannot pay 700 EUR' }],
    })
    for (const id of [paid, again]) expect(await app.job(id)).toMatchObject({ state: 'completed' })
    // Paid once; what could not be paid has left nothing.
    expect(await app.query('select cents from balances')).toEqual([{ cents: 300 }])
    expect(await app.query('select id from payments')).toEqual([{ id: 'p1' }])
  })
})

describe('docs/guide/small-payloads.md', () => {
  it('sees what is true when the job runs, and ends where there is nothing to do any more', async () => {
    const { default: task } = await (
      await guidePage('small-payloads')
    ).load<{ default: HandledTask }>('tasks/send_invoice.ts')
    await app.query("insert into invoices values (1, 'ada@old.example'), (2, 'bo@example.org')")
    const [first, second] = await app.kong.addJobs([
      { task: 'send_invoice', payload: { invoiceId: 1 } },
      { task: 'send_invoice', payload: { invoiceId: 2 } },
    ])
    await app.query("update invoices set email = 'ada@new.example' where id = 1")
    await app.query('delete from invoices where id = 2')
    await workOff(app, [task])
    expect(await app.job(first?.id ?? '')).toMatchObject({ result: { sentTo: 'ada@new.example' } })
    expect(await app.job(second?.id ?? '')).toMatchObject({ state: 'cancelled' })
  })

  it('has a limit to what a payload may be', async () => {
    await expect(app.kong.addJob('process_image', { file: 'x'.repeat(1024 * 1024) })).rejects.toMatchObject({
      code: 'KT_PAYLOAD_TOO_LARGE',
    })
    const kong = new KongTask({ pool: app.database.pool, maxPayload: 2 * 1024 * 1024 })
    await expect(kong.addJob('process_image', { file: 'x'.repeat(1024 * 1024) })).resolves.toMatchObject({
      status: 'added',
    })
  })
})

describe('docs/guide/parsing-less.md', () => {
  it('checks the fields of the one kind that it is, and refuses a kind that nobody knows', async () => {
    const { default: task } = await (
      await guidePage('parsing-less')
    ).load<{ default: HandledTask }>('tasks/act.ts')
    const added = await app.kong.addJobs([
      { task: 'act', payload: { action: 'send_email', to: 'ada@example.org', subject: 'Hello' } },
      { task: 'act', payload: { action: 'process_file', filePath: 'a.csv' } },
      { task: 'act', payload: { action: 'process_file', to: 'ada@example.org' } },
      { task: 'act', payload: { action: 'explode' } },
    ])
    await workOff(app, [task])
    const jobs = await Promise.all(added.map(({ id }) => app.job(id)))
    expect(jobs.map(({ state, result }) => [state, result])).toEqual([
      ['completed', 'mail to ada@example.org'],
      ['completed', 'file a.csv'],
      ['dead', undefined],
      ['dead', undefined],
    ])
    expect(jobs[2]?.errors[0]?.message).toContain('filePath')
    expect(jobs[3]?.errors[0]?.message).toContain('action')
  })

  it('passes text on that nobody has parsed', async () => {
    const { default: task, storeDocument } = await (
      await guidePage('parsing-less')
    ).load<{
      default: HandledTask
      storeDocument: HandledTask['task']
    }>('tasks/store_document.ts')
    const text = '{"id": "d1", "n": 9007199254740993}'
    const kong = app.kong
    const { id }: { id: string } = await Reflect.apply(kong.addJob, kong, [storeDocument, text])
    // Somebody else's JSON, which parsed and printed again would say …992.
    await app.query("select from kongtask.add_job('store_document', $1::jsonb)", [text])
    await workOff(app, [task])
    expect((await app.job(id)).result).toBe('d1')
    expect(await app.states()).toEqual({ completed: 2 })
    expect(await app.query("select body ->> 'n' as n from documents")).toEqual([
      { n: '9007199254740993' },
      { n: '9007199254740993' },
    ])
  })
})

it('what a plain handler is given has the text of any payload as well', () => {
  expect(mockContext({ rawPayload: '{"a": 1}' }).rawPayload).toBe('{"a": 1}')
})
