-- What graphile-worker remembers of a crontab: names, and nothing of what stands there.
-- => identifier text
select k.identifier from graphile_worker._private_known_crontabs k order by k.identifier
