import { readdir } from 'node:fs/promises'
import type { Stage } from './stage.ts'

/** What the work has come to outside of KongTask, by task, in the order in which a reader meets them. */
export type Effects = ReadonlyMap<string, string>

export async function readEffects({ pool, mail, partner, settings }: Stage): Promise<Effects> {
  const { rows } = await pool.query<{ rows: number; paid: number; shipments: number }>(
    `select (select coalesce(sum(rows), 0)::int from app.reports) as rows,
            (select count(*)::int from app.orders where status = 'paid') as paid,
            (select count(*)::int from app.shipments) as shipments`,
  )
  const [facts] = rows
  const thumbnails = await readdir(settings.THUMBNAILS)
  return new Map([
    ['send_welcome_email', `${sum(mail.mailsTo)} mails`],
    ['make_thumbnails', `${thumbnails.length} thumbnails`],
    ['process_order', `${facts?.paid} orders paid`],
    ['schedule_shipping', `${facts?.shipments} shipments`],
    ['notify_partner', `${sum(partner.told)} shipments announced`],
    ['build_report', `${facts?.rows} rows of CSV counted`],
  ])
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0)
}
