import { handle, PermanentError, RetryableError, type HandledTask } from 'kongtask'
import { notifyPartner } from '../tasks.ts'

export function partnerNotifier({ partnerUrl }: { readonly partnerUrl: string }): HandledTask {
  return handle(notifyPartner, async ({ orderId, carrier }, { signal, logger }) => {
    const response = await fetch(new URL(`/carriers/${carrier}/shipments`, partnerUrl), {
      method: 'POST',
      // By which the partner knows a shipment that it was told of before, but could not say so.
      headers: { 'content-type': 'application/json', 'idempotency-key': orderId },
      body: JSON.stringify({ orderId }),
      signal,
    })
    const answer = await response.text()
    if (response.ok) {
      logger.info('Partner notified', { orderId, carrier })
      return { answer }
    }
    const message = `${carrier} answered ${response.status}: ${answer}`
    if (response.status === 429 || response.status >= 500) {
      throw new RetryableError(message, { retryIn: retryAfter(response) })
    }
    throw new PermanentError(message)
  })
}

/** Where the other side says when to come back, it knows better than our backoff. */
function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1_000 : undefined
}
