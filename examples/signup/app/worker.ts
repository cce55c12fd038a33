import { run, type Runner } from 'kongtask'
import { reportBuilder } from './handlers/build-report.ts'
import { thumbnailMaker } from './handlers/make-thumbnails.ts'
import { partnerNotifier } from './handlers/notify-partner.ts'
import { orderProcessor } from './handlers/process-order.ts'
import { shippingScheduler } from './handlers/schedule-shipping.ts'
import { SendWelcomeEmail } from './handlers/send-welcome-email.ts'
import { smtpMailer } from './mailer.ts'
import type { Settings } from './settings.ts'

export interface WorkerOptions {
  readonly settings: Settings
  /** pino, winston, console or anything with debug, info, warn and error. */
  readonly logger: object
  /** Whether to stop on SIGTERM and SIGINT: yes where the worker is all that its process does. */
  readonly handleSignals: boolean
}

/** Works all queues, in as many processes as you like. */
export function startWorker({ settings, logger, handleSignals }: WorkerOptions): Promise<Runner> {
  return run({
    connectionString: settings.DATABASE_URL,
    tasks: [
      new SendWelcomeEmail(smtpMailer(settings.SMTP_URL)),
      thumbnailMaker({ uploads: settings.UPLOADS, thumbnails: settings.THUMBNAILS }),
      reportBuilder({ datasets: settings.DATASETS }),
      orderProcessor,
      shippingScheduler,
      partnerNotifier({ partnerUrl: settings.PARTNER_URL }),
    ],
    // A lane each: a hundred pictures to shrink keep no mail waiting.
    queues: { email: 5, media: 2, reports: 1, default: 5 },
    gracePeriod: '10s',
    logger,
    handleSignals,
  })
}
