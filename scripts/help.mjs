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
  fences:
    'take away each fence in turn, in a copy, and see its test fail: -- --only claim-lives (--model: the model instead)',
  model: 'random histories of jobs against the model of their life: -- --histories 10000 --seed 20261122',
  build: 'compile the package into dist/',
  prepack: 'the build, before npm packs it',
}

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const names = Object.keys(scripts)
const silent = names.filter((name) => !(name in meanings))
if (silent.length > 0) throw new Error(`scripts/help.mjs says nothing about: ${silent.join(', ')}`)
const width = Math.max(...names.map((name) => name.length))
for (const name of names) console.log(`  npm run ${name.padEnd(width)}  ${meanings[name]}`)
