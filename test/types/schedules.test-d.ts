// Compiled, never run: what `schedule` and `kong.schedules` take.
import { defineTask, KongTask, schedule, type ScheduleSpec } from 'kongtask'
import { expectTypeOf } from 'expect-type'
import { z } from 'zod'

const sendEmail = defineTask('send_email', { payload: z.object({ to: z.string() }) })
const clean = defineTask('clean')
const kong = new KongTask({ connectionString: 'postgres://localhost/none' })

expectTypeOf(schedule('@daily', clean)).toEqualTypeOf<ScheduleSpec>()
schedule(
  '@daily',
  'by_name',
  { any: ['json'] },
  { tz: 'Europe/Berlin', catchUp: 'all', within: '2d', queue: 'q' },
)
schedule('@daily', sendEmail, { to: 'ada' }, { name: 'x' })
// @ts-expect-error -- its payload is needed
schedule('@daily', sendEmail)
// @ts-expect-error -- and is of another type
schedule('@daily', sendEmail, { to: 1 })
// @ts-expect-error -- a Date does not travel as JSON
schedule('@daily', 'by_name', { at: new Date() })
// @ts-expect-error -- its time is that of the schedule
schedule('@daily', clean, {}, { scheduledIn: '5m' })
// @ts-expect-error -- there is no such policy
schedule('@daily', clean, {}, { catchUp: 'some' })

void kong.schedules.create('@daily', sendEmail, { to: 'ada' }, { by: 'ada' })
// @ts-expect-error -- its payload is of another type
void kong.schedules.create('@daily', sendEmail, {})
// @ts-expect-error -- a name stays
void kong.schedules.change('x', { name: 'y' })
