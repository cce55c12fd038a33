-- A page of jobs that wait, in the order in which pg-boss would run them: what is due by priority, the highest first, then the
-- rest by time. Locked until the transaction ends, in the way in which its workers lock them; what they have locked is skipped.
-- What a schedule has just asked for, and what is about to become a job, stands in a queue of pg-boss's own.
-- :since timestamptz  what is due then counts as due
-- :after_due text?  behind this job; null from the start
-- :after_priority int4?
-- :after_created_at text?
-- :after_id uuid?
-- :limit int4
-- => id uuid
-- => name text
-- => data text?
-- => request jsonb?  of what a schedule asks for: { name, options }
-- => priority int4
-- => retried bool  it has run before
-- => retry_limit int4
-- => retry_count int4
-- => retry_delay int4
-- => retry_backoff bool
-- => expire_seconds int4
-- => singleton_key text?
-- => throttled bool
-- => group_id text?
-- => start_after timestamptz
-- => created_on timestamptz
-- => output jsonb?
-- => dead_letter text?
-- => policy text?
-- => blocked bool
-- => blocking bool
-- => due text
-- => created_on_text text
select j.id, j.name,
       case when j.name = '__pgboss__send-it' then j.data -> 'data' else j.data end::text as data,
       case when j.name = '__pgboss__send-it'
            then jsonb_build_object('name', j.data -> 'name', 'options', j.data -> 'options') end as request,
       j.priority, j.started_on is not null as retried, j.retry_limit, j.retry_count, j.retry_delay, j.retry_backoff,
       j.expire_seconds, j.singleton_key, j.singleton_on is not null as throttled, j.group_id, j.start_after, j.created_on,
       j.output, j.dead_letter, j.policy, j.blocked, j.blocking, greatest(j.start_after, :since)::text as due,
       j.created_on::text as created_on_text
  from pgboss.job j
 where j.state < 'active'
   and (:after_due is null
        or (greatest(j.start_after, :since), -j.priority, j.created_on, j.id)
           > (:after_due::timestamptz, -:after_priority, :after_created_at::timestamptz, :after_id))
 order by greatest(j.start_after, :since), -j.priority, j.created_on, j.id
 limit :limit
   for update of j skip locked
