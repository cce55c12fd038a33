-- What a job's handlers logged, in order, a page at a time. Index: logs_job.
-- :job int8
-- :attempt int4?  null: all
-- :after int8  the last line of the page before; 0 for the first page
-- :limit int4
-- => id int8
-- => attempt int2
-- => at timestamptz
-- => level int2
-- => message text
-- => fields jsonb?
select l.id, l.attempt, l.at, l.level, l.message, l.fields
  from kongtask.logs l
 where l.job_id = :job and l.id > :after and (:attempt is null or l.attempt = :attempt) and l.expires_at > kongtask.clock()
 order by l.id
 limit :limit
