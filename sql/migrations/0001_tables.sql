-- The tables. Live jobs are a narrow table whose claim is a HOT update: no index touches worker, claim or attempt.
-- Queue and task names are interned, and every key of the live table begins with the queue (docs/decisions/001).

-- The time that jobs live by. One function, so that tests can move it for everybody at once.
-- Leases do not use it: they are about processes that live in real time.
create function kongtask.clock() returns timestamptz
language sql volatile parallel safe
return clock_timestamp();

create table kongtask.queues (
  id int4 generated always as identity primary key,
  name text not null unique check (name ~ '^[A-Za-z0-9_.:/-]{1,128}$'),
  -- While it is set, no claim takes from this queue.
  paused_at timestamptz,
  -- Jobs that may be leased at once, over all processes; null for no limit.
  concurrency int4 check (concurrency > 0),
  -- { limit, per (ms), burst }: starts per period, over all processes; null for no limit.
  rate jsonb
);

create table kongtask.tasks (
  id int4 generated always as identity primary key,
  name text not null unique check (name ~ '^[A-Za-z0-9_.:/-]{1,128}$'),
  -- What the task's contract says about its jobs, published by runners, as add_jobs takes options: adding by name uses it.
  defaults jsonb not null default '{}',
  -- While it is set, no claim takes a job of this task.
  paused_at timestamptz,
  -- Jobs of it may be parked, out of the way of claims (park_jobs).
  has_parked bool not null default false
);

create index tasks_paused on kongtask.tasks (id) where paused_at is not null;
create index tasks_parked on kongtask.tasks (id) where has_parked;

-- The queue that everything is in which says nothing else. Being here, it blocks nobody when it is used first.
insert into kongtask.queues (name) values ('default');

create sequence kongtask.job_ids as int8;

-- Fixed-width columns first, widest first: no padding.
create table kongtask.jobs (
  id int8 not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  queue_id int4 not null,
  task_id int4 not null,
  -- The lease, compared for equality and never used twice; 0 means that nobody has the job.
  worker int4 not null default 0,
  claim int4 not null default 0,
  -- Seconds to keep the job once it is finished; 0 keeps nothing.
  retain_s int4 not null,
  -- 0 to 15: the priority, open to claims. 16 more: it waits until its serial key is free. 32 more: parked, its task is
  -- paused. 64 more: parked, a limit is reached (waits_for). 128 more: open, and behind marks (0008): it has come back with
  -- a due time of before.
  lane int2 not null,
  attempt int2 not null default 0,
  max_attempts int2 not null,
  crashes int2 not null default 0,
  payload jsonb not null,
  -- Jobs of a queue with the same one run one at a time; null for most.
  serial_key text,
  -- The limits that it is under (limits_of); null for most jobs.
  limits jsonb,
  -- The gate of the limit for which it is parked.
  waits_for text,
  -- timeout (ms), tags, metadata, flags, uniqueKey, serialKey, retain, version (of the payload's shape, from 2), encryptionKey
  -- (the id of what the payload is sealed with): whatever a claim need not walk by; null for most jobs.
  extras jsonb,
  -- One object per failed attempt; null before the first.
  errors jsonb,
  primary key (queue_id, id)
) with (fillfactor = 50, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);

-- A claim walks one lane of one queue in order of due time.
create index jobs_lane on kongtask.jobs (queue_id, lane, run_at, id);

-- The lanes that are open, in the order in which claims look at them: turn 0 to 31, two for each priority. What has come
-- back goes before what never ran.
create function kongtask.lane_at(p_turn int4) returns int2
language sql immutable
return (p_turn / 2 + case when p_turn % 2 = 0 then 128 else 0 end)::int2;

create function kongtask.turn_of(p_lane int2) returns int4
language sql immutable
return (p_lane & 15) * 2 + case when p_lane < 128 then 1 else 0 end;

-- The jobs of a serial key, in order of adding.
create index jobs_serial on kongtask.jobs (queue_id, serial_key, id) where serial_key is not null;

-- The jobs parked behind a gate, best priority and earliest due first.
create index jobs_parked on kongtask.jobs (queue_id, waits_for, lane, run_at, id) where waits_for is not null;

-- Who has a serial key: the only job of that key that may be claimed. No row: nobody, the next claim may take it.
create table kongtask.serial_keys (
  queue_id int4 not null,
  key text not null,
  -- Null: it was given back while somebody was adding to it; claims look whether that job has arrived.
  job_id int8,
  primary key (queue_id, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

create index serial_keys_unsettled on kongtask.serial_keys (queue_id, key) where job_id is null;

-- The holder of a unique key: a job for as long as it is live, and until the window ends, whatever became of the job.
-- A row may outlive both; then the next adder takes it over, or the pruner takes it away.
create table kongtask.unique_keys (
  task_id int4 not null,
  key text not null,
  job_id int8 not null,
  queue_id int4 not null,
  until timestamptz,
  -- The jobs that were running when a successor took the key from them, as long as they live: they must find out.
  predecessors int8[],
  primary key (task_id, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

create sequence kongtask.worker_ids as int4;

-- One row per running process. A deleted row's number never comes back.
create table kongtask.workers (
  id int4 primary key default nextval('kongtask.worker_ids'),
  -- Survives nothing: after a failover a number can return, the nonce cannot.
  nonce uuid not null default gen_random_uuid(),
  started_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  -- Since when this process, and before it began others, have been heard without a gap of a lease: no outage was that long (judges).
  unbroken_since timestamptz not null default clock_timestamp(),
  -- Set by the process that declares this one dead; from then on it may neither claim nor renew.
  rescued_at timestamptz,
  -- What it leaves behind counts no crash: it ended in good order, or an operator declared it dead.
  is_blameless bool not null default false,
  info jsonb not null,
  -- By which others see that the process is there (this_session); null: by nothing but its heartbeats.
  session jsonb,
  -- Which brought its last heartbeat: as long as it is there, so is the process. Null: it is not the process's own, or not known.
  carrier jsonb,
  -- The job that it runs alone (run_alone), and the claim that it has it by.
  alone int8,
  alone_claim int4
) with (fillfactor = 50);

-- What a process is to be told: a job of its was cancelled, a queue was paused. Read by heartbeats, and gone once the
-- next heartbeat says that it was heard. Never the only place where something stands.
create table kongtask.messages (
  worker int4 not null,
  id int8 generated always as identity,
  body jsonb not null,
  primary key (worker, id)
);

-- What each claim took, written by the claim itself: rescue and orphan release need no scan of the jobs.
create table kongtask.claims (
  worker int4 not null,
  claim int4 not null,
  queue_id int4 not null,
  ids int8[] not null,
  -- Those of them that count for a limit, each with the gate that it counts for; null for most.
  limited_ids int8[],
  limited_gates text[],
  -- Since when the process has them, for people.
  claimed_at timestamptz not null default clock_timestamp(),
  primary key (worker, claim, queue_id)
) with (
  -- A row of a thousand ids stays in its page as it is: compressing it took a twentieth of the claim's time.
  toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

-- What limits count: those of jobs in the first, those of queues in both. In two, as each row stands in one of them, and as
-- one for all of a queue would look, to whoever ends a claim, like a way to its row.
create index claims_limited on kongtask.claims (queue_id) where limited_ids is not null;
create index claims_unlimited on kongtask.claims (queue_id) where limited_ids is null;
