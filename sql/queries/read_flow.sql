-- How many jobs were added, completed and failed between two looks (read_flow_marks), by queue and task. What has ended is
-- found at the end of each day of history, where rows are only added: a few blocks more, as several add at once. Retries
-- are found among the next 10,000 of each queue and priority. What history does not keep is not there, nor what was written
-- before a look and is committed after it: neither the number nor the time of its row lies behind that look.
-- :since int8  of the look before, in microseconds since 1970
-- :until int8  of this one
-- :oldest int8  the newest job of the look before
-- :newest int8
-- :days text[]
-- :blocks int8[]
-- => queue text
-- => task text
-- => added int4
-- => completed int4
-- => failed int4  attempts: those that are tried again, and dead letters
with looks as materialized (
  select 'epoch'::timestamptz + :since * interval '1 microsecond' as since,
         'epoch'::timestamptz + :until * interval '1 microsecond' as until
), marks as materialized (
  select m.day::timestamp at time zone 'UTC' as day,
         (m.day::timestamp + interval '1 day') at time zone 'UTC' as next_day,
         ('(' || greatest(m.block - 64, 0) || ',0)')::tid as place
    from unnest(:days, :blocks) as m (day, block)
), ended as materialized (
  -- A subquery for each day, so that each is read from its own mark on.
  select (select jsonb_agg(jsonb_build_array(x.queue_id, x.task_id, x.jobs))
            from (select h.queue_id, h.task_id, count(*) as jobs
                    from kongtask.history h
                   where h.expires_at >= m.day and h.expires_at < m.next_day and h.ctid >= m.place
                     and h.finished_at > l.since and h.finished_at <= l.until and h.completed
                   group by h.queue_id, h.task_id) as x) as found
    from marks m
   cross join looks l
), counted (queue_id, task_id, added, completed, failed) as (
  select j.queue_id, j.task_id, count(*), 0, 0
    from kongtask.queues q
   cross join lateral (
           select j.queue_id, j.task_id from kongtask.jobs j
            where j.queue_id = q.id and j.id > :oldest and j.id <= :newest) as j
   group by j.queue_id, j.task_id
  union all
  select h.queue_id, h.task_id, count(*), 0, 0
    from kongtask.history h
   where h.id > :oldest and h.id <= :newest
   group by h.queue_id, h.task_id
  union all
  select d.queue_id, d.task_id, count(*), 0, 0
    from kongtask.dead_letters d
   where d.id > :oldest and d.id <= :newest
   group by d.queue_id, d.task_id
  union all
  select (x ->> 0)::int4, (x ->> 1)::int4, 0, (x ->> 2)::int8, 0
    from ended e
   cross join lateral jsonb_array_elements(e.found) as x
  union all
  select d.queue_id, d.task_id, 0, 0, count(*)
    from looks l
    join kongtask.dead_letters d on d.finished_at > l.since and d.finished_at <= l.until
   group by d.queue_id, d.task_id
  union all
  select r.queue_id, r.task_id, 0, 0, count(*)
    from looks l
   cross join kongtask.queues q
   cross join generate_series(0, 15) as priority (number)
   cross join lateral (
           select j.queue_id, j.task_id, (j.errors -> -1 ->> 'at')::timestamptz as failed_at from kongtask.jobs j
            where j.queue_id = q.id and j.lane = priority.number and j.run_at > l.since
            order by j.run_at, j.id limit 10000) as r
   where r.failed_at > l.since and r.failed_at <= l.until
   group by r.queue_id, r.task_id
)
select q.name as queue, t.name as task, sum(c.added)::int4 as added, sum(c.completed)::int4 as completed,
       sum(c.failed)::int4 as failed
  from counted c
  join kongtask.queues q on q.id = c.queue_id
  join kongtask.tasks t on t.id = c.task_id
 group by q.name, t.name
 order by q.name, t.name
