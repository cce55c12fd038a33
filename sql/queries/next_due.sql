-- What falls due next by itself, for tests that move time: a job that was not due yet at :since, or the tick of a schedule.
-- :since int8?  microseconds since 1970; null: now
-- => at int8  now: the next :since
-- => due_in float8?  milliseconds; zero or less: it fell due since then; null: there is nothing to come
select c.us as at,
       least((select (min(kongtask.microseconds(j.run_at)) - c.us) / 1e3::float8
                from kongtask.jobs j
               where j.worker = 0 and kongtask.microseconds(j.run_at) > coalesce(:since, c.us)),
             kongtask.next_tick_in()) as due_in
  from (select kongtask.microseconds(kongtask.clock()) as us) as c
