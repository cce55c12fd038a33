-- A page of jobs that wait, in the order in which BullMQ would run them: what is due by priority, then the rest by time. Locked
-- until the transaction ends, in the way in which its workers lock them; what they have locked is skipped. What a scheduler has
-- planned for later waits until the scheduler has moved.
-- :since_ms int8  what is due then counts as due
-- :after_due_ms int8?  behind this job; null from the start
-- :after_priority int4?
-- :after_seq int8?
-- :after_queue text?
-- :limit int4
-- :most_text int4  bytes of payloads, the last of which may go beyond
-- => queue text
-- => id text
-- => seq int8
-- => name text
-- => state text
-- => data text
-- => opts jsonb
-- => priority int4
-- => max_attempts int4
-- => attempts_made int4
-- => failed_reason text?
-- => added_at_ms int8
-- => process_at_ms int8?
-- => processed_at_ms int8?
-- => dedup_id text?
-- => dedup_until_ms int8?
-- => is_child bool
-- => due_ms int8
with page as materialized (
  select j.queue, j.id, j.seq, j.name, j.state::text as state, j.data::text as data, j.opts, j.priority, j.max_attempts,
         j.attempts_made, j.failed_reason, j.added_at_ms, j.process_at_ms, j.processed_at_ms, j.dedup_id,
         d.expire_at_ms as dedup_until_ms, j.parent_id is not null as is_child, due.ms as due_ms
    from bullmq.job j
   cross join lateral (
          select case when j.state = 'delayed' then greatest(j.process_at_ms, :since_ms) else :since_ms end) as due (ms)
    left join bullmq.dedup d on d.queue = j.queue and d.dedup_id = j.dedup_id and d.job_id = j.id
   where j.state in ('waiting', 'delayed', 'waiting-children')
     and not (j.state = 'delayed' and exists (
                select from bullmq.scheduler s
                 where s.queue = j.queue and j.id = 'repeat:' || s.scheduler_id || ':' || s.next_run_ms))
     and (:after_due_ms is null
          or (due.ms, j.priority, j.seq, j.queue) > (:after_due_ms, :after_priority, :after_seq, :after_queue))
   order by due.ms, j.priority, j.seq, j.queue
   limit :limit
     for update of j skip locked
)
select p.queue, p.id, p.seq, p.name, p.state, p.data, p.opts, p.priority, p.max_attempts, p.attempts_made, p.failed_reason,
       p.added_at_ms, p.process_at_ms, p.processed_at_ms, p.dedup_id, p.dedup_until_ms, p.is_child, p.due_ms
  from (select page.*,
               coalesce(sum(octet_length(page.data)) over (
                 order by page.due_ms, page.priority, page.seq, page.queue
                 rows between unbounded preceding and 1 preceding), 0) as text_before
          from page) as p
 where p.text_before < :most_text
 order by p.due_ms, p.priority, p.seq, p.queue
