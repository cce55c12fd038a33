import { expect, it } from 'vitest'
import { parseCrontab } from '../core/crontab.ts'
import { CRONTAB } from './templates.ts'

it('has a crontab that schedules nothing, with examples that would be taken as they are', () => {
  expect(parseCrontab(CRONTAB)).toEqual([])
  const examples = CRONTAB.split('\n').filter((line) => /^# \d/.test(line))
  expect(examples.length).toBeGreaterThan(0)
  expect(parseCrontab(examples.map((line) => line.slice(2)).join('\n'))).toMatchObject([
    { task: 'hello', expression: '0 8 * * *', tz: 'Europe/Berlin', payload: { name: 'Ada' } },
  ])
})
