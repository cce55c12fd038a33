// npm run model -- [--histories 10000] [--seed 20261122] [--commands 60] [--lanes 3] [--as-found]: random histories of jobs, against the
// database and against the model of test/store/life-model.ts. History n of seed S is the first of seed S + n: what is found
// is printed with that, and shortened unless one wants it as found.
import { parseArgs } from 'node:util'
import { startPostgres } from '../src/embedded/embedded.ts'
import { playHistories } from '../test/store/life-model-play.ts'
import { memoryFolder } from '../test/support/memory-folder.ts'
import { numberOption } from './number-option.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '20261122' },
    commands: { type: 'string', default: '60' },
    lanes: { type: 'string', default: '3' },
    'as-found': { type: 'boolean', default: false },
  },
})
const histories = numberOption(values, 'histories')
const seed = numberOption(values, 'seed')
const commands = numberOption(values, 'commands')
const lanes = numberOption(values, 'lanes')

const memory = await memoryFolder()
if (memory !== undefined) process.env['TMPDIR'] ??= memory
const given = process.env['TEST_DATABASE_URL'] ?? ''
await using server = given === '' ? await startPostgres({ durable: false }) : undefined
const admin = server?.connectionString ?? given
console.log(`model: seed ${seed}, ${histories} histories of up to ${commands} commands, ${lanes} at a time`)

const begun = performance.now()
const played = await playHistories({
  admin,
  seed,
  histories,
  commands,
  lanes,
  isShortened: !values['as-found'],
  say: (done) => console.log(`${since()}  ${done} histories`),
})
for (const [what, times] of [...played.tally].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`  ${String(times).padStart(8)}  ${what}`)
if (played.difference === undefined) console.log(`${since()}  ${played.done} histories, no difference`)
else {
  const { number, message } = played.difference
  console.log(
    `${since()}  a difference in history ${number}, which is the first of seed ${seed + number}:\n\n${message}\n`,
  )
  console.log(`npm run model -- --histories 1 --seed ${seed + number} --commands ${commands}`)
  process.exitCode = 1
}

function since(): string {
  return `${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s`
}
