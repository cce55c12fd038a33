// The contracts: what work there is. The web server imports these, and no handler.
import { defineTask } from 'kongtask'
import { z } from 'zod'

export const sendWelcomeEmail = defineTask('send_welcome_email', {
  payload: z.object({ userId: z.string(), email: z.email(), name: z.string() }),
  queue: 'email',
  maxAttempts: 5,
  timeout: '30s',
})

export const updateStatistics = defineTask('update_statistics', {
  // However many sign up within a minute: once.
  uniqueFor: '1m',
})
