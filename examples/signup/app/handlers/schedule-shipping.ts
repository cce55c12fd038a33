import { handle } from 'kongtask'
import { notifyPartner, scheduleShipping } from '../tasks.ts'

interface Shipment {
  readonly carrier: string
}

export const shippingScheduler = handle(scheduleShipping, async ({ orderId }, ctx) => {
  await ctx.withTransaction(async (tx) => {
    const { rows } = await tx.query<Shipment>(
      `insert into app.shipments (order_id, carrier) select id, carrier from app.orders where id = $1
       on conflict (order_id) do nothing returning carrier`,
      [orderId],
    )
    const [shipment] = rows
    // Shipped already: whoever added the job twice gets one shipment, and the partner hears of it once.
    if (shipment === undefined) return
    // On the same transaction: the shipment and the job that tells of it are there together or not at all.
    await ctx.with(tx).addJob(notifyPartner, { orderId, carrier: shipment.carrier })
  })
})
