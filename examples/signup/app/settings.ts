import { z } from 'zod'

/** Where everything is. A worker reads it from its environment. */
export type Settings = z.output<typeof schema>

const schema = z.object({
  DATABASE_URL: z.string(),
  SMTP_URL: z.string(),
  /** The shipping partner's API. */
  PARTNER_URL: z.string(),
  /** The folder with the pictures that users have uploaded. */
  UPLOADS: z.string(),
  /** The folder that thumbnails go to. */
  THUMBNAILS: z.string(),
  /** The folder with the CSV files that reports are made of. */
  DATASETS: z.string(),
})

export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return schema.parse(environment)
}
