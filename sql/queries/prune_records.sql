-- Takes away steps and progress of jobs that are gone, a batch at a time. (migrations: prune_records)
-- :after int8?  where the batch before ended; null at the start
-- :limit int4
-- => after int8?  null behind the last batch
-- => pruned int4
select p_after as after, o_pruned as pruned from kongtask.prune_records(:after, :limit)
