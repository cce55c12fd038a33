// Remedies as lines for a shell. No connection string is written out: it may hold a password.

/** Statements, each in a transaction of its own, on the database that is examined. */
export function psql(...statements: readonly string[]): string {
  return psqlOn('"$DATABASE_URL"', ...statements)
}

/** @param database as psql takes it, quoted where it has to be */
export function psqlOn(database: string, ...statements: readonly string[]): string {
  return ['psql', database, ...statements.map((statement) => `-c ${quoted(statement)}`)].join(' ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
