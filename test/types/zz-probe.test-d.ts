import { z } from 'zod'
import { defineTask } from '../../src/core/task.ts'
import type { AddJob, AddJobs } from '../../src/core/add-job.ts'
import { newJob } from '../../src/core/job-entry.ts'
declare const addJob: AddJob
declare const addJobs: AddJobs
const a = defineTask('a', { payload: z.object({ ids: z.array(z.number()), note: z.string().optional() }) })
const b = defineTask('b', { payload: z.object({ name: z.string() }) })
const open = defineTask('open')
const declared = defineTask<'d', { file: string }>('d')
addJobs([
  { task: a, payload: { ids: [1, 2] } },
  { task: b, payload: { name: 'x' }, priority: 3, tags: ['x'] },
  { task: 'by-name', payload: { x: 1, l: [1, 2] } },
  { task: open, payload: { x: 1 } },
  { task: open },
  { task: declared, payload: { file: 'x' } },
])
const rows: { id: number }[] = []
addJobs(rows.map((r) => ({ task: a, payload: { ids: [r.id] } })))
addJobs(rows.map((r) => newJob(a, { ids: [r.id] })))
interface User { id: string; nested: { at?: string } }
declare const user: User
addJob('x', user)
addJob('x')
addJob('x', [1, 2])
addJob('x', 'text')
addJob(a, { ids: [1] })
addJob(a, { ids: [1] }, { scheduledIn: undefined, priority: 2 })
addJob(open, user)
addJob(declared, { file: 'x' })
addJobs([{ task: a, payload: { name: 'x' } }, { task: b, payload: { ids: [1] } }]) // E1
addJobs([{ task: a, payload: { ids: [1] }, prioritty: 2 }]) // E2
addJobs([{ task: a }]) // E3
addJobs([{ task: 'x', payload: { at: new Date() } }]) // E4
addJob(a, { ids: ['x'] }) // E5
addJob(a, { ids: [1], noot: 'x' }) // E6
addJob(a) // E7
addJob('x', { at: new Date() }) // E8
addJob(open, { at: new Date() }) // E9
addJob(a, { ids: [1] }, { schedulledIn: 2 }) // E10
addJob('x', {}, { schedulledIn: 2 }) // E11
defineTask('x', { payload: z.object({ at: z.date() }) }) // E12
defineTask('x', { payload: z.object({ at: z.string() }), que: 'x' }) // E13
newJob(a, { ids: ['x'] }) // E14
newJob('x', { f: () => 1 }) // E15
addJob('x', { n: 1n }) // E16
