import { describe, expect, it } from 'vitest'
import { addressOf, through } from './address.ts'

describe('where a connection string leads', () => {
  it('is its host and port, 5432 where it names none', () => {
    expect(addressOf('postgres://me:secret@db.example:6000/app')).toEqual({ host: 'db.example', port: 6_000 })
    expect(addressOf('postgresql://me@db.example/app')).toEqual({ host: 'db.example', port: 5_432 })
    expect(addressOf('postgres://me@[::1]:7000/app')).toEqual({ host: '::1', port: 7_000 })
  })

  it.each([
    'postgres:///app?host=/var/run/postgresql',
    'postgres://me@db.example/app?sslmode=verify-full',
    'postgres://me@db.example/app?sslmode=require',
    'host=db.example dbname=app',
  ])('is nowhere that a proxy of ours could stand in between: %s', (connectionString) => {
    expect(addressOf(connectionString)).toBeUndefined()
  })

  it('is changed to a port of ours, and nothing else of it', () => {
    expect(through(4_000, 'postgres://me:se%2Fcret@db.example:6000/app?sslmode=disable')).toBe(
      'postgres://me:se%2Fcret@127.0.0.1:4000/app?sslmode=disable',
    )
  })
})
