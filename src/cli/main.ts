#!/usr/bin/env node
// What `kongtask` starts.
import { EXIT } from './exit-codes.ts'
import { performCommandLine } from './program.ts'

const { stdin, stdout, stderr, env } = process
// Whoever reads may have enough: `kongtask migrate --sql | head`.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done)
  throw error
})
const exitCode = await performCommandLine(process.argv.slice(2), { stdin, stdout, stderr, env })
// At once: task files are anybody's code, and what they have opened would keep the process alive.
stdout.write('', () => process.exit(exitCode))
