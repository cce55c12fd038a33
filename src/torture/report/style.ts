/** The looks of the page, by day and by night. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #17181a; --soft: #5d6066; --rule: #e4e4e1; --blue: #2a6fdb;
  --area: #2a6fdb22; --hurt: #c2410c; --band: #c2410c12; --bad: #b91c1c; --good: #15803d; }
@media (prefers-color-scheme: dark) { :root { --page: #17181a; --ink: #ececea; --soft: #a3a6ac; --rule: #33353a;
  --blue: #6ea2f5; --area: #6ea2f52b; --hurt: #fb923c; --band: #fb923c14; --bad: #f87171; --good: #4ade80; } }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .25rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
figure { margin: .75rem 0; } figcaption { color: var(--soft); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); } .tick, .title { fill: var(--soft); } .note { fill: var(--ink); }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.line { fill: none; stroke: var(--blue); stroke-width: 2; stroke-linejoin: round; } .area { fill: var(--area); }
.bar { fill: var(--blue); } .level { stroke: var(--ink); stroke-dasharray: 5 4; stroke-width: 1.5; } .during { fill: var(--band); }
.mark line { stroke: var(--hurt); stroke-width: 1; opacity: .55; } .mark polygon { fill: var(--hurt); }
`
