// A run as one page that needs nothing else: no script, no network.
import type { ScenarioResult, TortureResult } from '../result.ts'
import { SCENARIOS } from '../scenarios.ts'
import { escapeHtml } from './escape.ts'
import { ratePicture } from './rate-picture.ts'
import { recoveryPicture } from './recovery-picture.ts'
import { STYLE } from './style.ts'

export function reportPage(result: TortureResult): string {
  const { seed, ok, postgres, lease, scenarios, leftOut } = result
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kongtask torture, seed ${seed}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>kongtask torture</h1>
<p class="${ok ? 'good' : 'bad'}">${ok ? 'Nothing was lost, nothing was done twice, and no limit was exceeded.' : 'Something did not hold.'}</p>
<p class="soft">Seed ${seed}, PostgreSQL ${escapeHtml(postgres)}, Node ${escapeHtml(process.version)}. The workers' leases lasted ${lease / 1_000} s; a runner's last 15 s unless it says otherwise. Recovery from a silent process takes what is left of a lease, that from a dead one does not.</p>
${overview(scenarios)}
${leftOut.map(({ name, why }) => `<p class="soft">Left out: ${name}, because ${escapeHtml(why)}.</p>`).join('\n')}
${scenarios.map(section).join('\n')}
</body>
</html>
`
}

function overview(scenarios: readonly ScenarioResult[]): string {
  const rows = scenarios.map((scenario) => {
    const { name, jobs, lost, doubleCommitted, buried, injuries, recoveryMs, limit, errors } = scenario
    const cells = [
      `${jobs}`,
      counted(lost),
      counted(doubleCommitted),
      `${buried}`,
      `${injuries}`,
      seconds(recoveryMs.p50),
      seconds(recoveryMs.p99),
      seconds(recoveryMs.max),
      rate(scenario.rateBefore),
      rate(scenario.rateDuring),
      rate(scenario.rateAfter),
      `${limit.leases} of ${limit.limit}`,
      counted(errors.length),
    ]
    return `<tr><td>${name}</td>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  return `<div class="wide"><table>
<tr><th></th><th></th><th></th><th></th><th></th><th></th><th colspan="3">recovery, s</th><th colspan="3">jobs per second</th><th>valid</th><th></th></tr>
<tr><th>scenario</th><th>jobs</th><th>lost</th><th>twice</th><th>buried</th><th>injuries</th><th>p50</th><th>p99</th><th>max</th><th>before</th><th>during</th><th>after</th><th>leases</th><th>errors</th></tr>
${rows.join('\n')}
</table></div>`
}

function section(scenario: ScenarioResult): string {
  const { name, errors, recovered } = scenario
  const summary = SCENARIOS.find((known) => known.name === name)?.summary ?? ''
  const recovery = recoveryPicture(scenario)
  return `<section>
<h2>${name}</h2>
<p class="soft">${escapeHtml(summary)}</p>
${errors.map((error) => `<p class="bad">${escapeHtml(error)}</p>`).join('\n')}
<figure>${ratePicture(scenario)}<figcaption>Jobs that took effect. Triangles: what was done, by name where the pointer rests; shaded: until everybody was back at work; dashed: the means before and behind.</figcaption></figure>
${recovery === undefined ? '<p class="soft">No job had to be started anew.</p>' : `<figure>${recovery}<figcaption>${recovered} jobs that were torn away, by the time until their new start.</figcaption></figure>`}
</section>`
}

function counted(count: number): string {
  return count === 0 ? '0' : `<strong class="bad">${count}</strong>`
}

function seconds(ms: number | null): string {
  return ms === null ? '–' : (ms / 1_000).toFixed(2)
}

function rate(perSecond: number | null): string {
  return perSecond === null ? '–' : perSecond.toFixed(0)
}
