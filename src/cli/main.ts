#!/usr/bin/env node
// What `kongtask` starts.
import { performCommandLine } from './program.ts'

const { stdout, stderr, env } = process
process.exitCode = await performCommandLine(process.argv.slice(2), { stdout, stderr, env })
