import type { PlannedRequest } from './plan.ts'

export interface AnsweredRequest {
  readonly request: PlannedRequest
  readonly status: number
  readonly answer: string
}

export interface SendOptions {
  readonly webUrl: string
  readonly signal: AbortSignal
  readonly onAnswer: (answered: AnsweredRequest) => void
}

const AT_ONCE = 12

/** Sends all requests over real connections, a dozen at a time. */
export async function sendRequests(
  requests: readonly PlannedRequest[],
  { webUrl, signal, onAnswer }: SendOptions,
): Promise<AnsweredRequest[]> {
  const answered: AnsweredRequest[] = []
  const rest = requests.values()
  const visitor = async (): Promise<void> => {
    // All visitors take from one iterator, so each request is sent by one of them.
    for (const request of rest) {
      const response = await fetch(new URL(request.path, webUrl), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request.body),
        signal,
      })
      const done = { request, status: response.status, answer: await response.text() }
      answered.push(done)
      onAnswer(done)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, visitor))
  return answered
}
