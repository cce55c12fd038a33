/** A payload with a number to know the job by, of about so many bytes of JSON. */
export interface SizedPayload {
  readonly n: number
  readonly padding: string
}

/** What a job's payload is taken to be where its size matters. */
export const USUAL_BYTES = 100

export function sizedPayload(n: number, bytes = USUAL_BYTES): SizedPayload {
  const bare = JSON.stringify({ n, padding: '' }).length
  return { n, padding: 'x'.repeat(Math.max(0, bytes - bare)) }
}
