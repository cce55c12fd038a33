import { describe, expect, it } from 'vitest'
import { checkFlag, checkQueueName, checkSchemaName, checkTag, checkTaskName } from './names.ts'

describe('task and queue names', () => {
  it.each(['a', 'send_email', 'Mail.send', 'app:mail/send-v2', '0', 'x'.repeat(128)])('%j is one', (name) => {
    expect(checkTaskName(name)).toBe(name)
    expect(checkQueueName(name)).toBe(name)
  })

  it.each([
    '',
    ' ',
    'two words',
    'x'.repeat(129),
    'mäil',
    'a\n',
    'a\0',
    "a'b",
    'a"b',
    'a;b',
    '💌',
    5,
    null,
    undefined,
    {},
    ['a'],
  ])('%j is none', (name) => {
    expect(() => checkTaskName(name)).toThrow(expect.objectContaining({ code: 'KT_NAME_INVALID' }))
    expect(() => checkQueueName(name)).toThrow(expect.objectContaining({ code: 'KT_NAME_INVALID' }))
  })

  it('are shown shortened and on one line in the message', () => {
    expect(() => checkTaskName('x\n'.repeat(5_000))).toThrow(/^"(x\\n){30}…" is not a task name\. [^\n]+$/)
  })
})

describe('tags and flags', () => {
  it.each(['x', 'two words', 'ä', '💌'.repeat(100), 'x'.repeat(100)])('%j is one', (tag) => {
    expect(checkTag(tag)).toBe(tag)
    expect(checkFlag(tag)).toBe(tag)
  })

  it.each(['', 'x'.repeat(101), '💌'.repeat(101), 'a\0b', '\ud800', '\udc00x', 5, null, {}, undefined])(
    '%j is none',
    (tag) => {
      expect(() => checkTag(tag)).toThrow(expect.objectContaining({ code: 'KT_NAME_INVALID' }))
      expect(() => checkFlag(tag)).toThrow(expect.objectContaining({ code: 'KT_NAME_INVALID' }))
    },
  )
})

describe('schema names', () => {
  it.each(['kongtask', '_', 'a1_b', 'x'.repeat(48), 'jobs', 'public'])('%j is one', (name) => {
    expect(checkSchemaName(name)).toBe(name)
  })

  it.each([
    '',
    'Kongtask',
    '1a',
    'a-b',
    'a b',
    'a.b',
    'x'.repeat(49),
    'kong"task',
    "kong'task",
    'kongtask; drop table users',
    'kongtask"; drop schema public cascade; --',
    'käng',
    'a\0',
    'kongtask\n',
    'pg_catalog',
    'pg_kong',
    'information_schema',
    'select',
    'user',
    'table',
    5,
    null,
    undefined,
    {},
    ['kongtask'],
  ])('%j is none', (name) => {
    expect(() => checkSchemaName(name)).toThrow(expect.objectContaining({ code: 'KT_SCHEMA_NAME_INVALID' }))
  })
})
