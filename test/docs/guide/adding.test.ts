// docs/guide/, "Adding jobs".
import { KongTask, type AddedJob, type Logger } from 'kongtask'
import type { Pool } from 'pg'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OPTION_CHECKS } from '../../../src/core/job-options.ts'
import { silent } from '../../journeys/journey-logger.ts'
import { useJourney } from '../../journeys/journey.ts'
import { snippetsOf } from '../snippets.ts'
import { guidePage } from './guide-page.ts'

const app = useJourney()

beforeAll(() =>
  app.query(
    'create table users (id uuid primary key default gen_random_uuid(), email text unique, name text)',
  ),
)
beforeEach(() => app.query('truncate users'))

const ada = { email: 'ada@example.org', name: 'Ada' }

describe('docs/guide/web-handlers.md', () => {
  interface Register {
    register: (pool: Pool, kong: KongTask, user: object) => Promise<{ status: number; userId: unknown }>
  }
  interface RegisterAnyway {
    registerAnyway: (
      services: { pool: Pool; kong: KongTask; logger: Logger },
      user: object,
    ) => Promise<{ status: number; userId: unknown }>
  }
  const users = (): Promise<readonly object[]> => app.query('select email from users')

  it('commits the user and the job together', async () => {
    const { register } = await (await guidePage('web-handlers')).load<Register>('register.ts')
    const { status, userId } = await register(app.database.pool, app.kong, ada)
    expect(status).toBe(201)
    const { jobs } = await app.kong.jobs.list()
    expect(jobs).toMatchObject([{ task: 'send_welcome_email', payload: { ...ada, userId } }])
    expect(await users()).toEqual([{ email: ada.email }])
  })

  it('leaves neither where the transaction fails, before the job or behind it', async () => {
    const { register } = await (await guidePage('web-handlers')).load<Register>('register.ts')
    const { pool } = app.database
    const nowhere = new KongTask({ pool, schema: 'nowhere' })
    await expect(register(pool, nowhere, ada)).rejects.toMatchObject({ code: 'KT_NOT_MIGRATED' })
    await expect(register(pool, app.kong, { ...ada, email: 'no address' })).rejects.toMatchObject({
      code: 'KT_PAYLOAD_INVALID',
    })
    expect(await users()).toEqual([])
    // The commit itself fails.
    await app.query(`
      alter table users add constraint late unique (name) deferrable initially deferred;
      insert into users (email, name) values ('other@example.org', 'Ada')`)
    await expect(register(pool, app.kong, ada)).rejects.toMatchObject({ code: '23505' })
    await app.query('alter table users drop constraint late')
    expect(await users()).toEqual([{ email: 'other@example.org' }])
    expect(await app.states()).toEqual({})
  })

  it('carries on where the job cannot be added, and says so', async () => {
    const { registerAnyway } = await (
      await guidePage('web-handlers')
    ).load<RegisterAnyway>('register-anyway.ts')
    const { pool } = app.database
    const errors: unknown[][] = []
    const logger = { ...silent, error: (...line: unknown[]) => void errors.push(line) }
    const nowhere = new KongTask({ pool, schema: 'nowhere' })
    expect(await registerAnyway({ pool, kong: nowhere, logger }, ada)).toMatchObject({ status: 201 })
    expect(errors).toMatchObject([
      ['The welcome email could not be added', { userId: expect.anything(), error: expect.any(Error) }],
    ])
    expect(await users()).toEqual([{ email: ada.email }])

    const bo = { email: 'bo@example.org', name: 'Bo' }
    expect(await registerAnyway({ pool, kong: app.kong, logger }, bo)).toMatchObject({ status: 201 })
    expect(errors).toHaveLength(1)
    expect(await app.states()).toEqual({ ready: 1 })
  })
})

describe('docs/guide/adding-options.md', () => {
  type Added = Record<string, AddedJob>

  it('has calls that store what they say, option by option', async () => {
    const { addAll } = await (
      await guidePage('adding-options')
    ).load<{
      addAll: (kong: KongTask, userId: string) => Promise<Added>
    }>('when.ts')
    const added = await addAll(app.kong, 'u1')
    const statuses = Object.entries(added).map(([name, { status }]) => [name, status])
    expect(Object.fromEntries(statuses)).toEqual({
      delayed: 'added',
      atATime: 'added',
      elsewhere: 'added',
      fewerAttempts: 'added',
      soonerThanOthers: 'added',
      tagged: 'added',
      once: 'added',
      onceAgain: 'skipped',
      debounced: 'added',
    })
    const job = (name: string) => app.job(added[name]?.id ?? '')
    const ahead = async (name: string): Promise<number> => {
      const { scheduledAt, createdAt } = await job(name)
      return Math.round((scheduledAt.getTime() - createdAt.getTime()) / 1_000)
    }
    expect(await ahead('delayed')).toBe(300)
    // Of the process's clock, and of the database's.
    expect(Math.abs((await ahead('atATime')) - 3_600)).toBeLessThan(60)
    expect(await job('elsewhere')).toMatchObject({ queue: 'critical', maxAttempts: 10, priority: 1 })
    expect(await job('fewerAttempts')).toMatchObject({ maxAttempts: 5 })
    expect(await job('soonerThanOthers')).toMatchObject({ priority: 0 })
    expect(await job('tagged')).toMatchObject({ tags: ['email', 'onboarding'] })
    expect(added['onceAgain']?.id).toBe(added['once']?.id)
    expect((await job('once')).uniqueKey).toMatch(/^sha256:/)
    expect(await job('debounced')).toMatchObject({ uniqueKey: 'user:u1', state: 'scheduled' })

    const again = await addAll(app.kong, 'u1')
    expect(again['debounced']).toEqual({ id: added['debounced']?.id, status: 'replaced' })
  })

  it('has the others, and adding by name', async () => {
    const { addSlowly, addByName } = await (
      await guidePage('adding-options')
    ).load<{
      addSlowly: (kong: KongTask, userId: string) => Promise<AddedJob>
      addByName: (kong: KongTask) => Promise<AddedJob>
    }>('how.ts')
    expect(await app.job((await addSlowly(app.kong, 'u1')).id)).toMatchObject({
      serialKey: 'user:u1',
      concurrency: { limit: 5 },
      rateLimit: { limit: 100, per: 60_000 },
      flags: ['eu'],
      metadata: { requestId: 'r-17' },
    })
    expect(await app.job((await addByName(app.kong)).id)).toMatchObject({ task: 'sync_user', version: 1 })
  })

  it('shows every option that there is', async () => {
    const code = (await snippetsOf('docs/guide/adding-options.md')).join('\n')
    for (const option of Object.keys(OPTION_CHECKS)) expect(code).toMatch(new RegExp(`\\b${option}:`))
  })
})
