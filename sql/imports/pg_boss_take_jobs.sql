-- A page of jobs that wait, in the order in which pg-boss would run them: what is due by priority, the highest first, then the
-- rest by time. Locked until the transaction ends, in the way in which its workers lock them; what they have locked is skipped.
-- What a schedule has just asked for, and what is about to become a job, stands in a queue of pg-boss's own.
-- :since timestamptz  what is due then counts as due
-- :after_due text?  behind this job; null from the start
-- :after_priority int4?
-- :after_created_at text?
-- :after_id uuid?
-- :after_name text?
-- :limit int4
-- :most_text int4  bytes of payloads, the last of which may go beyond
-- => id uuid
-- => name text
-- => data text?
-- => request jsonb?  of what a schedule asks for: { name, options, defaults }, these of the queue that it is for
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
with page as materialized (
  select j.id, j.name,
         case when j.name = '__pgboss__send-it' then j.data -> 'data' else j.data end::text as data,
         case when j.name = '__pgboss__send-it'
              then jsonb_build_object(
                     'name', j.data -> 'name', 'options', j.data -> 'options',
                     'defaults', jsonb_build_object(
                       'retryLimit', q.retry_limit, 'retryDelay', nullif(q.retry_delay, 0),
                       'retryBackoff', nullif(q.retry_backoff, false), 'expireInSeconds', q.expire_seconds,
                       'deadLetter', q.dead_letter, 'policy', nullif(q.policy, 'standard'))) end as request,
         j.priority, j.started_on is not null as retried, j.retry_limit, j.retry_count, j.retry_delay, j.retry_backoff,
         j.expire_seconds, j.singleton_key, j.singleton_on is not null as throttled, j.group_id, j.start_after, j.created_on,
         j.output, j.dead_letter, j.policy, j.blocked, j.blocking, greatest(j.start_after, :since) as due_at
    from pgboss.job j
    left join pgboss.queue q on j.name = '__pgboss__send-it' and q.name = j.data ->> 'name'
   where j.state < 'active'
     and (:after_due is null
          or (greatest(j.start_after, :since), -j.priority, j.created_on, j.id, j.name)
             > (:after_due::timestamptz, -:after_priority, :after_created_at::timestamptz, :after_id, :after_name))
   order by greatest(j.start_after, :since), -j.priority, j.created_on, j.id, j.name
   limit :limit
     for update of j skip locked
)
select p.id, p.name, p.data, p.request, p.priority, p.retried, p.retry_limit, p.retry_count, p.retry_delay, p.retry_backoff,
       p.expire_seconds, p.singleton_key, p.throttled, p.group_id, p.start_after, p.created_on, p.output, p.dead_letter, p.policy,
       p.blocked, p.blocking, p.due_at::text as due, p.created_on::text as created_on_text
  from (select page.*,
               coalesce(sum(octet_length(page.data)) over (
                 order by page.due_at, -page.priority, page.created_on, page.id, page.name
                 rows between unbounded preceding and 1 preceding), 0) as text_before
          from page) as p
 where p.text_before < :most_text
 order by p.due_at, -p.priority, p.created_on, p.id, p.name
