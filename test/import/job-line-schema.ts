import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** A point in time. */
const time = z.iso.datetime()
/**
 * What docs/job-lines.schema.json says. `npx tsx test/import/job-line-schema.ts > docs/job-lines.schema.json` writes that.
 */
export const line = z
  .strictObject({
    format: z.literal('kongtask.job/1').describe('What this is.').optional(),
    from: z.string().min(1).max(512).describe('The database that it was exported from.').optional(),
    id: z.string().min(1).max(512).describe('Its id there: a line that has one is imported once.').optional(),
    task: z.string().regex(/^[A-Za-z0-9_.:/-]{1,128}$/),
    state: z.enum(['scheduled', 'ready', 'running', 'completed', 'dead', 'cancelled']).optional(),
    queue: z
      .string()
      .regex(/^[A-Za-z0-9_.:/-]{1,128}$/)
      .optional(),
    priority: z.int().min(0).max(15).optional(),
    attempt: z.int().min(0).max(32_767).describe('Attempts that it has had.').optional(),
    maxAttempts: z.int().min(1).max(32_767).optional(),
    scheduledAt: time.optional(),
    createdAt: time.optional(),
    finishedAt: time.optional(),
    timeout: z.union([z.int().positive(), z.string()]).describe('Milliseconds, or a duration.').optional(),
    retain: z
      .union([z.number(), z.string(), z.literal(false), z.record(z.string(), z.unknown())])
      .describe('As the option of addJob.')
      .optional(),
    uniqueKey: z.string().min(1).optional(),
    serialKey: z.string().min(1).optional(),
    concurrency: z.union([z.int(), z.record(z.string(), z.unknown())]).optional(),
    rateLimit: z.record(z.string(), z.unknown()).optional(),
    tags: z.array(z.string()).max(32).optional(),
    flags: z.array(z.string()).max(32).optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    version: z.int().min(1).describe("Of the payload's shape.").optional(),
    encryptionKey: z.string().describe('The id of the key that the payload is encrypted with.').optional(),
    error: z
      .strictObject({ name: z.string(), message: z.string(), at: time })
      .describe('The last thing that went wrong.')
      .optional(),
    payload: z.unknown().describe('Any JSON; without it, an empty object.').optional(),
  })
  .describe('A job, as a line of a file: kongtask export writes it, kongtask import json reads it.')

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(z.toJSONSchema(line), undefined, 2)}\n`)
