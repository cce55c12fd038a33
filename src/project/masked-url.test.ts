import { expect, it } from 'vitest'
import { maskedUrl } from './masked-url.ts'

it.each([
  ['postgres://me:secret@host:5432/db', 'postgres://me:***@host:5432/db'],
  ['postgresql://me:sec@ret/x@host/db?sslmode=require', 'postgresql://me:***@host/db?sslmode=require'],
  ['postgres://:secret@host/db', 'postgres://:***@host/db'],
  ['postgres://me@host:5432/db', 'postgres://me@host:5432/db'],
  ['postgres://host/db?user=me&password=secret&x=1', 'postgres://host/db?user=me&password=***&x=1'],
  ['postgres://me:secret@host/db?sslpassword=secret', 'postgres://me:***@host/db?sslpassword=***'],
  ['postgresql://', 'postgresql://'],
  ['/var/run/postgresql', '/var/run/postgresql'],
])('%s is shown as %s', (given, shown) => {
  expect(maskedUrl(given)).toBe(shown)
})
