-- How jobs ended, those of :ids that have; the others are live. An id is in one place at a time.
-- :ids int8[]
-- => id int8
-- => state text  completed, dead, cancelled, or gone: there is no such job (any more)
-- => result text?  JSON, of a completed job that has one
-- => reason text?  why it is dead or cancelled
-- => error jsonb?  of a dead job: its last one
with over as materialized (
  select asked.id
    from unnest(:ids) as asked (id)
   where not exists (
           select from kongtask.jobs j
            where j.queue_id = any (array(select q.id from kongtask.queues q)) and j.id = asked.id)
)
select o.id, coalesce(found.state, 'gone') as state, found.result::text, found.reason, found.error
  from over o
  left join lateral (
         select 'dead' as state, null::jsonb as result, d.reason, d.errors -> -1 as error
           from kongtask.dead_letters d
          where d.id = o.id
          union all
         select case when h.completed then 'completed' else 'cancelled' end, h.result, h.reason, null
           from (select * from kongtask.history union all select * from kongtask.history_overflow) h
          where h.id = o.id and h.expires_at > kongtask.clock()
          limit 1) as found on true
