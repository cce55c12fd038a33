-- What a job's steps came to in earlier executions. Index: steps_pkey.
-- :id int8
-- => name text
-- => result text?  JSON; null where there is none
-- => wakes_in int8?  milliseconds until a sleep is over
select s.name, s.result::text as result, ceil(extract(epoch from s.until - kongtask.clock()) * 1000)::int8 as wakes_in
  from kongtask.steps s
 where s.job_id = :id
