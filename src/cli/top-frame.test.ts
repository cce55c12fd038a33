import { expect, it } from 'vitest'
import { Terminal } from './terminal.ts'
import { topFrame } from './top-frame.ts'

const stream = { write: () => undefined }
const terminal = new Terminal({ stdout: stream, stderr: stream, env: {} })
const at = new Date('2026-09-01T08:00:00Z')
const queue = { pausedAt: undefined, concurrency: undefined, rateLimit: undefined, scheduled: 0, running: 0 }

it('shows the queue that waits longest first, and what each process is at', () => {
  const worker = {
    worker: 7,
    host: 'web-1\u001b[2J',
    pid: 4711,
    node: 'v20.19.0',
    startedAt: at,
    heartbeatAt: at,
    leaseEndsAt: at,
    isSilent: false,
    isDraining: false,
    tasks: [],
    queues: undefined,
    concurrency: 10,
    forbiddenFlags: [],
    jobs: [
      { id: '2', task: 'send', queue: 'email', since: new Date(at.getTime() - 500) },
      { id: '1', task: 'report', queue: 'default', since: new Date(at.getTime() - 72_000) },
    ],
  }
  const queues = [
    { ...queue, name: 'default', ready: 0, running: 1, oldestReadyAge: undefined },
    { ...queue, name: 'email', ready: 12, running: 1, scheduled: 10_000, oldestReadyAge: 3_000 },
    { ...queue, name: 'reports', ready: 1, oldestReadyAge: 3_700_000, pausedAt: at },
  ]
  const silent = { ...worker, worker: 8, pid: 9, isSilent: true, jobs: [] }
  const look = { at, queues, workers: [worker, silent], countTo: 10_000, rates: undefined }
  expect(topFrame(look, terminal)).toEqual([
    'kongtask  2026-09-01T08:00:00Z  13 ready, 2 running, 2 workers',
    '',
    'queue    ready  running  scheduled  oldest',
    'reports      1        0          0  1h1m    paused',
    'email       12        1  10000+     3s',
    'default      0        1          0',
    '',
    'worker  host            pid   jobs  longest',
    '     7  web-1\\u001b[2J  4711     2  report 1m12s',
    '     8  web-1\\u001b[2J     9     0                silent',
  ])
})

it('shows what goes through per second, by queue and by task, the busiest task first', () => {
  const look = {
    at,
    workers: [],
    countTo: 10_000,
    queues: [
      { ...queue, name: 'email', ready: 2, running: 1, oldestReadyAge: 1_000 },
      { ...queue, name: 'idle', ready: 0, oldestReadyAge: undefined },
    ],
    rates: [
      { queue: 'email', task: 'send', added: 0.04, completed: 3.25, failed: 0 },
      { queue: 'email', task: 'welcome', added: 120.4, completed: 100, failed: 12.5 },
    ],
  }
  expect(topFrame(look, terminal).slice(2, 9)).toEqual([
    'queue  ready  running  scheduled  oldest  added/s  completed/s  failed/s',
    'email      2        1          0  1s          120          103        13',
    'idle       0        0          0',
    '',
    'task     queue  added/s  completed/s  failed/s',
    'welcome  email      120          100        13',
    'send     email      0.1          3.3',
  ])
})
