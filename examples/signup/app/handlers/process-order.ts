import { handle, PermanentError } from 'kongtask'
import { processOrder, scheduleShipping } from '../tasks.ts'

interface OrderLine {
  readonly product: string
  readonly quantity: number
}

export const orderProcessor = handle(processOrder, async ({ orderId }, ctx) => {
  await ctx.withTransaction(async (tx) => {
    const { rows } = await tx.query<OrderLine>(
      "update app.orders set status = 'paid' where id = $1 and status = 'new' returning product, quantity",
      [orderId],
    )
    const [line] = rows
    // Paid already: an earlier attempt got this far, and then its process died.
    if (line === undefined) return
    const taken = await tx.query('update app.products set stock = stock - $2 where id = $1 and stock >= $2', [
      line.product,
      line.quantity,
    ])
    if (taken.rowCount === 0)
      throw new PermanentError(`There are no ${line.quantity} of ${line.product} left`)
  })
  // In a transaction of its own, so a second attempt would add it a second time: see schedule-shipping.ts.
  await ctx.addJob(scheduleShipping, { orderId })
})
