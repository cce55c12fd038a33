/** For options that may be given several times, also with commas between: `--state ready,dead --state running`. */
export function collectList(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').filter((entry) => entry !== '')]
}
