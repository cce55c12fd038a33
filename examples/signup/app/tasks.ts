// The contracts: what work there is, what it needs to know, how often it is tried. No handler is imported here, so
// the web server can import this file without pulling in the mailer or the picture library.
import { defineTask, exponential, fixed } from 'kongtask'
import { z } from 'zod'

export const sendWelcomeEmail = defineTask('send_welcome_email', {
  payload: z.object({ userId: z.uuid(), email: z.email(), name: z.string().min(1) }),
  queue: 'email',
  maxAttempts: 8,
  timeout: '30s',
  backoff: exponential({ base: '250ms', max: '5s' }),
})

export const makeThumbnails = defineTask('make_thumbnails', {
  payload: z.object({
    userId: z.uuid(),
    // A name within the uploads, never a path.
    picture: z.string().regex(/^[\w-]+\.\w+$/),
    // Whoever adds the job may leave it out; the handler always has it.
    sizes: z.array(z.int().min(1).max(1024)).min(1).default([24, 48, 96]),
  }),
  queue: 'media',
  maxAttempts: 5,
  timeout: '1m',
})

/** What somebody asks for; the web server reads requests with it. */
export const reportSpec = z.object({
  dataset: z.enum(['airports', 'birdstrikes', 'sp500-2000', 'species', 'zipcodes']),
  groupBy: z.string(),
  sumOf: z.string().optional(),
})

export const buildReport = defineTask('build_report', {
  payload: reportSpec.extend({ reportId: z.uuid() }),
  queue: 'reports',
  maxAttempts: 3,
  timeout: '5m',
  backoff: fixed('2s'),
})

export const processOrder = defineTask('process_order', {
  payload: z.object({ orderId: z.uuid() }),
  maxAttempts: 10,
  // Somebody waits for it: before everything else in its queue.
  priority: 0,
})

export const scheduleShipping = defineTask('schedule_shipping', {
  payload: z.object({ orderId: z.uuid() }),
  maxAttempts: 10,
})

export const notifyPartner = defineTask('notify_partner', {
  payload: z.object({ orderId: z.uuid(), carrier: z.string().regex(/^[a-z]+$/) }),
  maxAttempts: 4,
  timeout: '15s',
  backoff: exponential({ base: '200ms', max: '2s' }),
})
