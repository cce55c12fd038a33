-- Opens gates of limits that have room and jobs parked behind them, a batch of gates at a time. (migrations: lift_gates)
-- :queue int4?  where the batch before ended; null at the start
-- :gate text?
-- :limit int4
-- => queue int4?  null behind the last batch
-- => gate text?
-- => opened int4  jobs that were let into their lanes
select p_queue as queue, p_gate as gate, o_opened as opened from kongtask.lift_gates(:queue, :gate, :limit)
