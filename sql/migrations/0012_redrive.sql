-- Dead letters come back to life with their ids, as ready as new, and with what they failed with still told. Each stands
-- alone: where another job has its unique key by now, that one stays dead.
create function kongtask.redrive(p_ids int8[])
returns table (id int8, status text)
language plpgsql
as $$
declare
  v_id int8;
  v_dead kongtask.dead_letters;
  v_now timestamptz := kongtask.clock();
  v_lane int2;
begin
  -- In the order of their keys, as adders take them, so that none of us ever wait for each other crosswise.
  for v_id in
    select asked.id
      from (select distinct unnest(p_ids)) as asked (id)
      left join kongtask.dead_letters d on d.id = asked.id
     order by d.task_id, d.extras ->> 'uniqueKey' collate "C", asked.id
  loop
    id := v_id;
    select * into v_dead from kongtask.dead_letters d where d.id = v_id for update;
    if not found then
      status := 'missing';
    elsif v_dead.extras ? 'uniqueKey'
      and not kongtask.regain_key(v_dead.task_id, v_dead.extras ->> 'uniqueKey', v_dead.queue_id, v_id) then
      status := 'conflict';
    else
      delete from kongtask.dead_letters d where d.id = v_id;
      v_lane := v_dead.priority;
      if v_dead.extras ? 'serialKey' then
        perform from kongtask.serial_keys s
          where s.queue_id = v_dead.queue_id and s.key = v_dead.extras ->> 'serialKey' and s.job_id is not null
            for key share;
        if found then
          v_lane := v_lane + 16;
        end if;
      end if;
      insert into kongtask.jobs (
        id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload, serial_key, extras, errors)
      values (
        v_id, v_now, v_dead.created_at, v_dead.queue_id, v_dead.task_id, v_dead.retain_s, v_lane, v_dead.max_attempts,
        v_dead.payload, v_dead.extras ->> 'serialKey', v_dead.extras, v_dead.errors);
      perform pg_notify('kongtask:ready', v_dead.queue_id::text);
      status := 'redriven';
    end if;
    return next;
  end loop;
end
$$;
