-- How jobs ended, those of :ids that have; the others are live. (migrations: read_ends)
-- :ids int8[]
-- => id int8
-- => state text  completed, dead, cancelled, or gone: there is no such job (any more)
-- => result text?  JSON, of a completed job that has one
-- => reason text?  why it is dead or cancelled
-- => error jsonb?  of a dead job: its last one
select id, state, result::text, reason, error
  from kongtask.read_ends(:ids)
