// Compares what was committed with what happened to the world: mails, pictures, reports, shipments. What was
// committed is read from the application's own tables, what happened from the outside.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { KongTask } from 'kongtask'
import type { Pool } from 'pg'
import sharp from 'sharp'
import type { Settings } from '../app/settings.ts'
import type { Check, Order, User } from './check.ts'
import { checkDeadLetters } from './check-dead-letters.ts'
import { countCsv } from './count-csv.ts'
import type { MailSink } from './mail-sink.ts'
import type { Partner } from './partner.ts'
import { CARRIERS } from './partner.ts'
import { NO_PICTURE } from './plan.ts'
import { countJobs, totalOf, type TaskCounts } from './count-jobs.ts'
import type { AnsweredRequest } from './send-requests.ts'

export interface Scene {
  readonly pool: Pool
  readonly kong: KongTask
  readonly settings: Settings
  readonly answered: readonly AnsweredRequest[]
  /** The ids of the jobs in MALFORMED_JOBS, in that order. */
  readonly malformedIds: readonly string[]
  readonly mail: MailSink
  readonly partner: Partner
}

const SIZES = [24, 48, 96]
const STOCK_AT_THE_START = 10_000

export async function checkEverything(scene: Scene): Promise<Check[]> {
  const users = await readUsers(scene)
  const orders = await readOrders(scene.pool)
  const counts = await countJobs(scene.pool)
  return [
    checkAnswers(scene.answered, users, orders),
    checkMailsOfUsers(users, scene.mail),
    checkNoOtherMails(users, scene.mail),
    await checkThumbnails(users, scene.settings.THUMBNAILS),
    await checkReports(scene),
    await checkShipments(orders, scene.pool),
    checkPartner(orders, scene.partner),
    checkDeadLetters((await scene.kong.deadLetters.list({}, { limit: 1_000 })).jobs, {
      users,
      orders,
      malformedIds: scene.malformedIds,
    }),
    checkRetries(counts, scene),
    checkNothingLeft(counts),
  ]
}

async function readUsers({ pool, answered }: Scene): Promise<User[]> {
  const { rows } = await pool.query<{ id: string; email: string }>(
    'select id, email from app.users order by name',
  )
  const avatars = new Map(
    answered.map(({ request }) => [request.body['email'], String(request.body['avatar'])]),
  )
  return rows.map((row) => ({ ...row, avatar: avatars.get(row.email) ?? '' }))
}

async function readOrders(pool: Pool): Promise<Order[]> {
  const { rows } = await pool.query<Order>(
    `select o.id, o.product, o.quantity, o.carrier, o.status,
            (select count(*)::int from app.shipments s where s.order_id = o.id) as shipments
       from app.orders o order by o.id`,
  )
  return rows
}

function checkAnswers(
  answered: readonly AnsweredRequest[],
  users: readonly User[],
  orders: readonly Order[],
): Check {
  const unexpected = answered.filter(({ request, status }) => {
    if (status === 409) return request.fate === 'taken'
    return request.fate === 'refused' || status !== (request.path === '/reports' ? 202 : 201)
  })
  const taken = (path: string): number =>
    answered.filter(({ request, status }) => request.path === path && status === 201).length
  return {
    title: `all ${answered.length} requests were answered as they should be, and the tables agree`,
    problems: [
      ...unexpected.map(
        ({ request, status, answer }) =>
          `${request.path} ${JSON.stringify(request.body)} was answered ${status}: ${answer}`,
      ),
      ...differs('users', users.length, taken('/signup')),
      ...differs('orders', orders.length, taken('/orders')),
    ],
  }
}

function checkMailsOfUsers(users: readonly User[], { mailsTo }: MailSink): Check {
  return {
    title: `each of the ${users.length} committed sign-ups got exactly one mail`,
    problems: users.flatMap(({ email }) => {
      const mails = mailsTo.get(email) ?? 0
      return mails === 1 ? [] : [`${email} signed up and got ${mails} mails`]
    }),
  }
}

function checkNoOtherMails(users: readonly User[], { mailsTo }: MailSink): Check {
  const known = new Set(users.map(({ email }) => email))
  const strangers = [...mailsTo.keys()].filter((email) => !known.has(email))
  return {
    title: 'no sign-up that was rolled back got one',
    problems: strangers.map((email) => `${email} got a mail, but the sign-up was rolled back`),
  }
}

async function checkThumbnails(users: readonly User[], folder: string): Promise<Check> {
  const expected = users
    .filter(({ avatar }) => avatar !== NO_PICTURE)
    .flatMap(({ id }) => SIZES.map((size) => ({ file: `${id}-${size}.webp`, size })))
  const names = new Set(expected.map(({ file }) => file))
  const strangers = (await readdir(folder)).filter((file) => !names.has(file))
  const problems: string[] = []
  for (const { file, size } of expected) {
    const flaw = await flawOfPicture(join(folder, file), size)
    if (flaw !== undefined) problems.push(`the thumbnail ${file} ${flaw}`)
  }
  return {
    title: `all ${expected.length} thumbnails are there and decode to the right size`,
    problems: [...problems, ...strangers.map((file) => `nobody asked for the thumbnail ${file}`)],
  }
}

async function flawOfPicture(file: string, size: number): Promise<string | undefined> {
  try {
    // Decodes every pixel, which reading the size from the header would not.
    const { info } = await sharp(file).raw().toBuffer({ resolveWithObject: true })
    if (info.width === size && info.height === size) return undefined
    return `measures ${info.width} × ${info.height}`
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

interface ReportRow {
  readonly id: string
  readonly dataset: string
  readonly group_by: string
  readonly sum_of: string | null
  readonly rows: number | null
  readonly groups: Readonly<Record<string, { rows: number; total: number }>> | null
}

async function checkReports({ pool, settings, answered }: Scene): Promise<Check> {
  const { rows: reports } = await pool.query<ReportRow>('select * from app.reports')
  const wanted = answered.filter(({ request }) => request.path === '/reports').length
  const problems = differs('reports', reports.length, wanted)
  for (const { dataset, group_by: groupBy, sum_of: sumOf, rows, groups } of reports) {
    const expected = await countCsv(join(settings.DATASETS, `${dataset}.csv`), groupBy, sumOf)
    const name = `the report on ${dataset} by ${groupBy}`
    if (groups === null) {
      problems.push(`${name} was never finished`)
      continue
    }
    problems.push(...differs(`rows in ${name}`, rows ?? 0, expected.rows))
    for (const group of new Set([...Object.keys(groups), ...Object.keys(expected.groups)])) {
      const [is, should] = [groups[group], expected.groups[group]]
      if (is?.rows === should?.rows && is?.total === should?.total) continue
      problems.push(`${name} says ${JSON.stringify(is)} of "${group}", which is ${JSON.stringify(should)}`)
    }
  }
  const counted = reports.reduce((sum, { rows }) => sum + (rows ?? 0), 0)
  return {
    title: `all ${wanted} reports, ${counted} rows of CSV, agree with an independent count`,
    problems,
  }
}

async function checkShipments(orders: readonly Order[], pool: Pool): Promise<Check> {
  const wrong = orders.filter(({ shipments, status }) => shipments !== 1 || status !== 'paid')
  const { rows } = await pool.query<{ id: string; stock: number }>('select id, stock from app.products')
  return {
    title: `each of the ${orders.length} orders is paid, was taken from stock once and has exactly one shipment`,
    problems: [
      ...wrong.map(({ id, status, shipments }) => `order ${id} is ${status} and has ${shipments} shipments`),
      ...rows.flatMap(({ id, stock }) => {
        const ordered = orders.reduce((sum, order) => sum + (order.product === id ? order.quantity : 0), 0)
        return differs(`${id}s in stock`, stock, STOCK_AT_THE_START - ordered)
      }),
    ],
  }
}

function checkPartner(orders: readonly Order[], { told }: Partner): Check {
  const reachable = orders.filter(({ carrier }) => carrier === CARRIERS.swift)
  return {
    title: `the partner took the news of ${reachable.length} shipments, each once, after being busy at times`,
    problems: reachable.flatMap(({ id }) => {
      const times = told.get(id) ?? 0
      return times === 1 ? [] : [`the partner was told ${times} times of order ${id}`]
    }),
  }
}

/** What failed outside is what KongTask has recorded: no attempt is missing, and none failed for another reason. */
function checkRetries(counts: readonly TaskCounts[], { mail, partner }: Scene): Check {
  const retried = (task: string): number => counts.find((count) => count.task === task)?.retried ?? 0
  const others = counts.filter(({ task }) => task !== 'send_welcome_email' && task !== 'notify_partner')
  const lastFailures = partnerDeaths(counts)
  return {
    title: `all ${mail.refusals + partner.refusals} refusals of the mail server and the partner were recorded as failed attempts, and no others`,
    problems: [
      ...differs('retries of send_welcome_email', retried('send_welcome_email'), mail.refusals),
      ...differs('retries of notify_partner', retried('notify_partner'), partner.refusals - lastFailures),
      ...others.flatMap(({ task, retried: times }) => differs(`retries of ${task}`, times, 0)),
    ],
  }
}

/** The last refusal of each notification that died was followed by no other attempt. One was malformed, never sent. */
function partnerDeaths(counts: readonly TaskCounts[]): number {
  const dead = counts.find(({ task }) => task === 'notify_partner')?.dead ?? 0
  return Math.max(0, dead - 1)
}

function checkNothingLeft(counts: readonly TaskCounts[]): Check {
  return {
    title: `all ${totalOf(counts, 'added')} jobs came to an end, nothing is left in the queues`,
    problems: counts.flatMap(({ task, live }) => (live === 0 ? [] : [`${live} jobs of ${task} are left`])),
  }
}

function differs(what: string, is: number, should: number): string[] {
  return is === should ? [] : [`there are ${is} ${what}, and there should be ${should}`]
}
