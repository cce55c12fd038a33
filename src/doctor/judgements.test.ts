// What the checks make of what they see, where no test database can be brought into that state.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { checkClock } from './checks/clock.ts'
import { checkNodeVersion, OLDEST_NODE } from './checks/node-version.ts'
import { checkServer } from './checks/server.ts'
import { judgeTable } from './checks/tables.ts'
import { judgeHolders } from './checks/vacuum-holders.ts'
import { psql } from './shell.ts'

const server = {
  version: 150_004,
  release: '15.4',
  role: 'app',
  isStandby: false,
  isReadOnly: false,
  hasAutovacuum: true,
  isCounting: true,
  seesAll: true,
  seesHow: '',
  at: new Date('2026-09-01T08:00:00Z'),
}

it('the oldest Node is that of package.json', () => {
  const { engines }: { engines: { node: string } } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(engines.node).toBe(`>=${OLDEST_NODE}`)
})

it.each([
  ['18.20.8', 'node_too_old'],
  ['20.18.9', 'node_too_old'],
  ['20.19.0', 'node_supported'],
  ['22.0.0', 'node_supported'],
])('Node %s: %s', (version, code) => {
  expect(checkNodeVersion(version)).toMatchObject([{ code }])
})

it('a server that is too old, a standby or read only is told', () => {
  const codes = (state: Partial<typeof server>): readonly string[] =>
    checkServer({ ...server, ...state }).map(({ code }) => code)
  expect(codes({})).toEqual(['server_supported'])
  expect(codes({ version: 139_999 })).toEqual(['server_too_old'])
  expect(codes({ version: 140_000 })).toEqual(['server_supported'])
  expect(codes({ isStandby: true, isReadOnly: true })).toEqual(['server_supported', 'server_read_only'])
  expect(codes({ isReadOnly: true })).toEqual(['server_supported', 'server_read_only'])
})

it('whoever is led to a standby by mistake gets a command that only looks, and none that splits the data in two', () => {
  const [, found] = checkServer({ ...server, isStandby: true })
  expect(found).toMatchObject({
    code: 'server_read_only',
    remedy: expect.stringMatching(/Promote this server only where that one is gone for good/),
    command: `psql "$DATABASE_URL" -c 'table pg_stat_wal_receiver'`,
  })
})

it('clocks agree within two seconds, and what the way there may hide', () => {
  const code = (clockOffset: number, latency = 0): unknown => checkClock({ clockOffset, latency })[0]?.code
  expect([code(2_000), code(-2_001), code(2_100, 400), code(2_300, 400)]).toEqual([
    'clocks_agree',
    'clocks_differ',
    'clocks_agree',
    'clocks_differ',
  ])
})

const holder = {
  name: 'x',
  pid: undefined,
  age: 7,
  held: undefined,
  doing: '',
  host: undefined,
  remedy: 'end it',
}

it('who holds vacuum back is told with what ends it: at a standby where that has to be said', () => {
  const found = judgeHolders([
    { ...holder, kind: 'prepared', name: "it's", held: 600_000, remedy: "rollback prepared 'it''s'" },
    { ...holder, kind: 'slot', age: 100_001, doing: 'physical, nobody uses it' },
    { ...holder, kind: 'slot', age: 100_000 },
    { ...holder, kind: 'standby', pid: 9, age: 200_000, host: '10.0.0.2', remedy: 'alter system …' },
    { ...holder, kind: 'session', pid: 8, held: 300_000 },
  ])
  expect(found.map(({ what, command }) => [what, command])).toEqual([
    [
      'Vacuum is held back by the prepared transaction "it\'s", for 600 s, 7 transactions old.',
      String.raw`psql "$DATABASE_URL" -c 'rollback prepared '\''it'\'''\''s'\'''`,
    ],
    [
      'Vacuum is held back by the replication slot "x", 100001 transactions old (physical, nobody uses it).',
      `psql "$DATABASE_URL" -c 'end it'`,
    ],
    [
      'Vacuum is held back by the standby "x" (pid 9), 200000 transactions old.',
      `psql "host=10.0.0.2" -c 'alter system …' -c 'select pg_reload_conf()'`,
    ],
  ])
})

it('who holds it for a while only is named, and nothing is wrong', () => {
  const [found] = judgeHolders([{ ...holder, kind: 'session', pid: 8, held: 300_000, age: 1 }])
  expect(found).toMatchObject({
    code: 'vacuum_free',
    what: 'Nobody holds vacuum back for long; the oldest is the session "x" (pid 8), for 300 s, 1 transaction old.',
  })
})

const table = {
  name: 'jobs',
  live: 10,
  dead: 0,
  bytes: 0,
  heap: 0,
  due: 5_000,
  vacuumedAt: new Date('2026-09-01T08:00:00Z'),
  isMinded: true,
  mind: 'mind',
  vacuum: 'vacuum',
  shrink: 'shrink',
}

it('a table is judged by its dead rows, its size, and who minds it', () => {
  const codes = (state: Partial<typeof table>): readonly string[] =>
    judgeTable({ ...table, ...state }).map(({ code }) => code)
  expect(codes({ dead: 10_000 })).toEqual([])
  expect(codes({ dead: 10_001 })).toEqual(['table_dead_rows'])
  // So few are nothing, however small the table.
  expect(codes({ dead: 1_000, due: 50 })).toEqual([])
  expect(codes({ heap: 256 * 1024 * 1024 })).toEqual([])
  expect(codes({ heap: 256 * 1024 * 1024 + 1 })).toEqual(['table_large'])
  expect(codes({ heap: 1024 ** 3, live: 100_000 })).toEqual([])
  expect(codes({ isMinded: false })).toEqual(['table_not_vacuumed'])
})

it('statements are quoted for a shell', () => {
  expect(psql("select 'a'", 'b')).toBe(String.raw`psql "$DATABASE_URL" -c 'select '\''a'\''' -c 'b'`)
})
