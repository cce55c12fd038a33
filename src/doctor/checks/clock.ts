import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'

/** Milliseconds: beyond them times that people compare look wrong. */
const MOST_SKEW = 2_000

export function checkClock({
  clockOffset,
  latency,
}: Pick<Patient, 'clockOffset' | 'latency'>): readonly Finding[] {
  const offset = Math.round(clockOffset)
  const what = `The clock of the database is ${Math.abs(offset)} ms ${offset < 0 ? 'behind' : 'ahead of'} that of this machine.`
  if (Math.abs(offset) <= MOST_SKEW + latency / 2) return [finding('clock', 'clocks_agree', what)]
  const remedy = 'Let NTP set both clocks. Jobs are due by that of the database.'
  return [finding('clock', 'clocks_differ', what, { remedy, command: 'sudo timedatectl set-ntp true' })]
}
