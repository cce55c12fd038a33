-- All tasks, and how many live processes say that they know them.
-- => name text
-- => paused_at timestamptz?
-- => defaults jsonb  what the contract says about its jobs
-- => workers int4
with known as (
  select task.name, count(*) as workers
    from kongtask.workers w
   cross join jsonb_array_elements_text(w.info -> 'tasks') as task (name)
   where w.rescued_at is null and w.expires_at > clock_timestamp()
   group by task.name
)
select t.name, t.paused_at, t.defaults, coalesce(known.workers, 0)::int4 as workers
  from kongtask.tasks t
  left join known on known.name = t.name
 order by t.name
