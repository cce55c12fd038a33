-- Says that this process runs a job alone from now on: if it dies with it, it was that job. (migrations: run_alone)
-- :worker int4
-- :nonce uuid
-- :job int8?  null: none any more
-- :claim int4?
-- => alive bool  false: this process was declared dead
select kongtask.run_alone(:worker, :nonce, :job, :claim) as alive
