/** The number that an option of a script was given. Ends the process with 2 where it is none above 0, or has to be whole and is not. */
export function numberOption(
  values: Readonly<Record<string, unknown>>,
  option: string,
  { isWhole = true }: { readonly isWhole?: boolean } = {},
): number {
  const number = Number(values[option])
  const isFit = number > 0 && (isWhole ? Number.isSafeInteger(number) : Number.isFinite(number))
  if (!isFit) {
    console.error(`--${option} takes a ${isWhole ? 'whole ' : ''}number above 0.`)
    process.exit(2)
  }
  return number
}
