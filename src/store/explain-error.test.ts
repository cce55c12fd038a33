import { describe, expect, it } from 'vitest'
import { KongTaskError } from '../core/errors.ts'
import { explainError } from './explain-error.ts'

const fromDatabase = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code })

describe('an error of the database', () => {
  it.each([
    ['42P01', 'KT_NOT_MIGRATED'],
    ['42883', 'KT_NOT_MIGRATED'],
    ['3F000', 'KT_NOT_MIGRATED'],
    ['25P01', 'KT_NOT_A_TRANSACTION'],
    ['25P02', 'KT_NOT_A_TRANSACTION'],
    ['28P01', 'KT_DATABASE_UNAVAILABLE'],
    ['3D000', 'KT_DATABASE_UNAVAILABLE'],
    ['08006', 'KT_CONNECTION_LOST'],
    ['57P01', 'KT_CONNECTION_LOST'],
    ['53300', 'KT_DATABASE_UNAVAILABLE'],
    ['ECONNREFUSED', 'KT_DATABASE_UNAVAILABLE'],
    ['ENOTFOUND', 'KT_DATABASE_UNAVAILABLE'],
    ['25006', 'KT_DATABASE_UNAVAILABLE'],
    ['53100', 'KT_DATABASE_UNAVAILABLE'],
    ['53200', 'KT_DATABASE_UNAVAILABLE'],
    ['57014', 'KT_STATEMENT_CANCELLED'],
    ['55P03', 'KT_STATEMENT_CANCELLED'],
  ])('%s is explained as %s, with itself as cause', (sqlstate, code) => {
    const error = fromDatabase(sqlstate)
    const explained = explainError(error)
    expect(explained).toBeInstanceOf(KongTaskError)
    expect(explained).toMatchObject({ code, cause: error })
  })

  // Whether to add a job again depends on it.
  it.each([
    ['08006', /may have been written/],
    ['57P01', /may have been written/],
    ['57P02', /may have been written/],
    ['ECONNRESET', /may have been written/],
    ['EPIPE', /may have been written/],
    ['25006', /Nothing was written/],
    ['53100', /Nothing was written/],
    ['53200', /Nothing was written/],
    ['57014', /Nothing was written/],
    ['55P03', /Nothing was written/],
    ['53300', /takes no connections/],
    ['57P03', /takes no connections/],
    ['ECONNREFUSED', /takes no connections/],
  ])('%s is told with what became of the write', (sqlstate, words) => {
    expect(explainError(fromDatabase(sqlstate))).toMatchObject({ message: expect.stringMatching(words) })
  })

  it.each([
    ['Connection terminated unexpectedly', 'KT_CONNECTION_LOST', /may have been written/],
    [
      'Client has encountered a connection error and is not queryable',
      'KT_CONNECTION_LOST',
      /may have been written/,
    ],
    ['timeout exceeded when trying to connect', 'KT_DATABASE_UNAVAILABLE', /takes no connections/],
    ['Connection terminated due to connection timeout', 'KT_DATABASE_UNAVAILABLE', /takes no connections/],
  ])('that the driver gives no code is known by its words: %s', (message, code, words) => {
    const error = new Error(message)
    expect(explainError(error)).toMatchObject({
      code,
      message: expect.stringMatching(words),
      cause: error,
    })
  })

  it('about all addresses of a host is explained by the first', () => {
    const error = new AggregateError([fromDatabase('ECONNREFUSED'), fromDatabase('ENETUNREACH')])
    expect(explainError(error)).toMatchObject({ code: 'KT_DATABASE_UNAVAILABLE', cause: error })
  })

  it('from our own functions keeps its code and message', () => {
    const error = fromDatabase('KT001', 'KT_OPTION_INVALID: `priority` must be a whole number')
    expect(explainError(error)).toMatchObject({
      code: 'KT_OPTION_INVALID',
      message: '`priority` must be a whole number',
      cause: error,
    })
  })

  const refused = fromDatabase('KT001', 'KT_OPTION_INVALID: no')
  const wrapped: readonly (readonly [orm: string, error: Error])[] = [
    ['Drizzle', new Error('Failed query', { cause: refused })],
    ['TypeORM', Object.assign(new Error('QueryFailedError'), { driverError: refused })],
    ['Sequelize', Object.assign(new Error('x'), { parent: refused, original: refused })],
    ['Knex', fromDatabase('KT001', 'select $1 - KT_OPTION_INVALID: no')],
    [
      'Bun',
      Object.assign(fromDatabase('ERR_POSTGRES_SERVER_ERROR', 'KT_OPTION_INVALID: no'), { errno: 'KT001' }),
    ],
    [
      'Prisma',
      Object.assign(fromDatabase('P2010'), {
        meta: {
          driverAdapterError: Object.assign(new Error('x'), {
            cause: { kind: 'postgres', originalCode: 'KT001', originalMessage: 'KT_OPTION_INVALID: no' },
          }),
        },
      }),
    ],
  ]

  it.each(wrapped)('that %s has wrapped is found inside', (_, error) => {
    expect(explainError(error)).toMatchObject({ code: 'KT_OPTION_INVALID', message: 'no', cause: error })
  })

  it('may wrap itself', () => {
    const error = new Error('x')
    error.cause = error
    expect(explainError(error)).toBe(error)
  })

  it.each([
    [fromDatabase('23505')],
    [new Error('of yours', { cause: fromDatabase('23505') })],
    [fromDatabase('KT001', 'KT_NOBODY_KNOWS: x')],
    [fromDatabase('KT001', 'toString')],
    [new Error('x')],
    [new AggregateError([])],
    [new KongTaskError('KT_CLOSED', 'x')],
    ['text'],
    [undefined],
  ])('of which there is nothing to say stays as it is (%#)', (error) => {
    expect(explainError(error)).toBe(error)
  })
})
