const WIDTH = 24

/** How far something long is, as text for `terminal.progress`: `checking  [######      ]  25 %  (500 of 2000)`. */
export function progressBar(what: string, done: number, total: number): string {
  const share = total <= 0 ? 0 : Math.min(1, done / total)
  const full = Math.round(share * WIDTH)
  const bar = '#'.repeat(full) + ' '.repeat(WIDTH - full)
  return `${what}  [${bar}]  ${Math.floor(share * 100)} %  (${done} of ${total})`
}
