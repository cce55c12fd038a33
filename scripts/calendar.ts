// npm run calendar: the ticks of all crontab lines of test/calendar/lines.ts, over ten years of minutes in five time zones,
// against a walk over these minutes. The suite does the same around the changes of clocks only.
import { bruteForce } from '../test/calendar/brute-force.ts'
import { FROM, LINES, TO, ZONES } from '../test/calendar/lines.ts'
import { nextTick } from '../src/calendar/next-tick.ts'
import { parseTiming } from '../src/core/timing.ts'

let wrong = 0
let ticks = 0
const begun = performance.now()
for (const zone of ZONES) {
  const expectedByLine = bruteForce(LINES, zone, FROM, TO)
  const walked = performance.now()
  let found = 0
  for (const line of LINES) {
    const timing = parseTiming(line)
    const expected = expectedByLine.get(line) ?? []
    let at = nextTick(timing, zone, FROM - 1)
    let index = 0
    for (; at !== undefined && at < TO && at === expected[index]; index++) at = nextTick(timing, zone, at)
    found += index
    if (index === expected.length && (at === undefined || at >= TO)) continue
    wrong += 1
    const said = at === undefined ? 'nothing' : new Date(at).toISOString()
    const meant = expected[index]
    console.error(
      `${line} in ${zone}: ${said}, not ${meant === undefined ? 'nothing' : new Date(meant).toISOString()}`,
    )
  }
  ticks += found
  const seconds = (since: number): string => ((performance.now() - since) / 1_000).toFixed(1)
  console.log(`${zone}: ${found} ticks of ${LINES.length} lines (computed in ${seconds(walked)} s)`)
}
const seconds = ((performance.now() - begun) / 1_000).toFixed(0)
console.log(
  `${wrong === 0 ? 'All' : `${wrong} lines are wrong; of the others, all`} ${ticks} ticks are the same, in ${seconds} s.`,
)
process.exitCode = wrong === 0 ? 0 : 1
