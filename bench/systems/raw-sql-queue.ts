/** The least of a queue that anybody would write by hand, with priorities and due times. */
export const RAW_TABLE = `
  create table if not exists raw_queue (
    id int8 not null, run_at timestamptz not null, queue_id int4 not null, worker int4 not null default 0,
    priority int2 not null, attempt int2 not null default 0, payload jsonb not null,
    primary key (queue_id, id)
  ) with (fillfactor = 50);
  create index if not exists raw_queue_lane on raw_queue (queue_id, priority, run_at, id)`

/** Takes a batch: worker, how many. */
export const RAW_CLAIM = `
  update raw_queue j set worker = $1, attempt = j.attempt + 1
    from (select id from raw_queue
           where queue_id = 1 and run_at <= now() and worker = 0
           order by priority, run_at, id limit $2 for update skip locked) picked
   where j.queue_id = 1 and j.id = picked.id
  returning j.id, j.attempt, j.payload`

/** Ends what was done: ids, worker. */
export const RAW_COMPLETE =
  'delete from raw_queue where queue_id = 1 and id = any ($1::int8[]) and worker = $2'
