// Prints one line per script of package.json: the names are there, the meanings here.
// A script without a meaning is an error, so that the list cannot go stale.
import { readFileSync } from 'node:fs'

const meanings = {
  help: 'this list',
  demo: 'set up everything, then run the sign-up service on a real PostgreSQL (--keep leaves it running)',
  test: 'set up everything, then run all tests, those of the SQL on each PostgreSQL that can be had here',
  check: 'format, lint, types, house and unit tests; what CI runs before the tests',
  format: 'rewrite all files in the house style',
  'format:check': 'fail where a file is not in the house style',
  lint: 'static checks, with types',
  types: 'type-check everything, the type tests with their negative cases included',
  house: 'the import law and the other promises about the layout of the code',
  unit: 'the tests that need no database',
  'embed-sql': 'rewrite src/store/*.generated.ts from sql/',
  bench: 'measure: npm run bench -- <scenario> [--quick] [--json]; without a scenario, which there are',
  chaos:
    'limits and serial keys while processes die and the clock jumps: -- --seconds 120 --processes 8 --seed 1',
  audit: 'lock files are in order, and nothing that is installed with kongtask is known to be unsafe',
  soak: 'jobs at a steady rate for long, while workers are killed; nothing may grow: -- --minutes 20 --rate 2000 --json',
  fences:
    'take away each fence in turn, in a copy, and see its test fail: -- --only claim-lives (--model: the model instead)',
  model: 'random histories of jobs against the model of their life: -- --histories 10000 --seed 20261122',
  weather: 'weather that takes root to make: a disk that is full, of data and of WAL',
  pgbouncer:
    'the journeys through a PgBouncer in transaction mode, which has to be installed: -- test/journeys/waking',
  'first-minute': 'pack the package, and time init, dev and add in an empty folder without a database',
  calendar: 'ten years of crontab ticks in five time zones against a walk over all their minutes',
  ticks:
    '300 ticks of a schedule, 20 processes, some suspended, some killed, clocks that are off: -- --ticks 300 --seed 1',
  'kit-speed': 'what a test costs with the test kit on PGlite, against bare transactions there',
  imports:
    'graphile-worker, pg-boss and BullMQ, with jobs as they make them, imported with kills in between and performed: -- --jobs 3000',
  build: 'compile the package into dist/',
  prepack: 'the build, before npm packs it',
}

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const names = Object.keys(scripts)
const silent = names.filter((name) => !(name in meanings))
if (silent.length > 0) throw new Error(`scripts/help.mjs says nothing about: ${silent.join(', ')}`)
const width = Math.max(...names.map((name) => name.length))
for (const name of names) console.log(`  npm run ${name.padEnd(width)}  ${meanings[name]}`)
