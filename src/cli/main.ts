#!/usr/bin/env node
// What `kongtask` starts.
import { performCommandLine } from './program.ts'

const { stdin, stdout, stderr, env } = process
const exitCode = await performCommandLine(process.argv.slice(2), { stdin, stdout, stderr, env })
// At once: task files are anybody's code, and what they have opened would keep the process alive.
stdout.write('', () => process.exit(exitCode))
