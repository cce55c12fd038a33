// Whom the demo is about: a fixed cast, so that every run asks for the same and can tell what must come of it.
import type { z } from 'zod'
import type { reportSpec } from '../app/tasks.ts'
import { CARRIERS } from './partner.ts'

/** One request that will be sent. */
export interface PlannedRequest {
  readonly path: '/signup' | '/orders' | '/reports'
  readonly body: Readonly<Record<string, unknown>>
  /**
   * `taken`: it commits. `refused`: the application fails after it has added the jobs, so everything is rolled back.
   * `doubled`: sent twice at once, of which one may commit.
   */
  readonly fate: 'taken' | 'refused' | 'doubled'
}

type ReportSpec = z.input<typeof reportSpec>

const SIGNUPS = 240
const ORDERS = 64
const FIRST_NAMES = [
  'Ada',
  'Barbara',
  'Claude',
  'Donald',
  'Edsger',
  'Frances',
  'Grace',
  'Hedy',
  'Ivan',
  'Joan',
]
const PICTURES = ['7zip.png', 'ffox.png', 'gimp.png']
/** Found out by the application, after the jobs were added. */
const EXPIRED = 'SUMMER19'
/** Found out by the database when the transaction commits. */
const UNKNOWN = 'FREE-LUNCH'
/** A file among the uploads that is no picture. */
export const NO_PICTURE = 'github.csv'

const REPORTS: readonly ReportSpec[] = [
  { dataset: 'birdstrikes', groupBy: 'Origin State', sumOf: 'Cost Total $' },
  { dataset: 'zipcodes', groupBy: 'state' },
  { dataset: 'birdstrikes', groupBy: 'Wildlife Size', sumOf: 'Cost Repair' },
  { dataset: 'airports', groupBy: 'state' },
  { dataset: 'sp500-2000', groupBy: 'date', sumOf: 'volume' },
  { dataset: 'species', groupBy: 'common_name' },
  { dataset: 'birdstrikes', groupBy: 'Phase of flight', sumOf: 'Cost Other' },
  { dataset: 'zipcodes', groupBy: 'county' },
  { dataset: 'airports', groupBy: 'country' },
  { dataset: 'birdstrikes', groupBy: 'Time of day', sumOf: 'Speed IAS in knots' },
  { dataset: 'species', groupBy: 'gap_species_code' },
  { dataset: 'zipcodes', groupBy: 'city' },
]

/** All requests, mixed as on a busy day. */
export function planRequests(): PlannedRequest[] {
  const signups = Array.from({ length: SIGNUPS }, (_, index) => signup(index))
  const orders = Array.from({ length: ORDERS }, (_, index) => order(index))
  const reports = REPORTS.map((body): PlannedRequest => ({ path: '/reports', body, fate: 'taken' }))
  return mixed([signups.flat(), orders, reports])
}

function signup(index: number): PlannedRequest[] {
  const name = `${pick(FIRST_NAMES, index)} ${index + 1}`
  const isRefused = index % 4 === 3
  const isDoubled = index % 30 === 0
  const body = {
    name,
    email: `${name.toLowerCase().replace(' ', '.')}@example.org`,
    avatar: index % 60 === 4 ? NO_PICTURE : pick(PICTURES, index),
    ...couponFor(index, isRefused),
  }
  if (!isDoubled) return [{ path: '/signup', body, fate: isRefused ? 'refused' : 'taken' }]
  const twin: PlannedRequest = { path: '/signup', body, fate: 'doubled' }
  return [twin, twin]
}

function order(index: number): PlannedRequest {
  const isRefused = index % 4 === 3
  const carrier = index % 16 === 0 ? CARRIERS.fussy : index % 16 === 2 ? CARRIERS.gone : CARRIERS.swift
  const body = {
    customer: pick(FIRST_NAMES, index),
    product: carrier === CARRIERS.fussy ? 'kettle' : pick(['lamp', 'teapot'], index),
    quantity: (index % 5) + 1,
    carrier,
    ...couponFor(index, isRefused),
  }
  return { path: '/orders', body, fate: isRefused ? 'refused' : 'taken' }
}

function couponFor(index: number, isRefused: boolean): { readonly coupon?: string } {
  if (isRefused) return { coupon: index % 8 === 3 ? EXPIRED : UNKNOWN }
  return index % 6 === 0 ? { coupon: 'WELCOME' } : {}
}

/** Jobs that somebody adds by name, without the contract at hand, and gets wrong. What the worker will say of each. */
export const MALFORMED_JOBS: readonly {
  readonly task: string
  readonly payload: Readonly<Record<string, string | number | null>>
  readonly complaint: RegExp
}[] = [
  { task: 'send_welcome_email', payload: { userId: 4711, name: 'Robert' }, complaint: /email/ },
  { task: 'send_welcome_email', payload: {}, complaint: /userId/ },
  { task: 'make_thumbnails', payload: { picture: '../../etc/passwd' }, complaint: /picture/ },
  { task: 'build_report', payload: { dataset: 'salaries', groupBy: 'name' }, complaint: /dataset/ },
  { task: 'process_order', payload: { orderId: null }, complaint: /orderId/ },
  { task: 'notify_partner', payload: { orderId: 'ORDER-1' }, complaint: /carrier/ },
]

/** Takes from each list in turn, in proportion to its length, and keeps the order within each. */
function mixed<T>(lists: readonly (readonly T[])[]): T[] {
  return lists
    .flatMap((list) => list.map((item, index) => ({ item, position: (index + 1) / list.length })))
    .toSorted((a, b) => a.position - b.position)
    .map(({ item }) => item)
}

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? ''
}
