-- Takes away keys that hold nothing any more, a batch at a time. (migrations: prune_unique_keys)
-- :task int4?  where the batch before ended; null at the start
-- :key text?
-- :limit int4
-- => task int4?  null behind the last batch
-- => key text?
-- => pruned int4
select p_task as task, p_key as key, o_pruned as pruned from kongtask.prune_unique_keys(:task, :key, :limit)
