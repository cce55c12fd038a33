const FIRST = 5_000
const LONGEST = 60_000

/**
 * Milliseconds until a job that this process is too old for is looked at again. Short at first, as a deploy is over
 * soon; a minute at the longest, so that what waits for weeks costs next to nothing and starts soon after all.
 *
 * @param times how often it was put off before
 */
export function deferralDelay(times: number): number {
  return Math.min(FIRST * 2 ** Math.min(times, 10), LONGEST)
}
