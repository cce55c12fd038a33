-- Chores that one process at a time should do, each now and then. Taking a turn is one conditional update, so of any
-- number of processes exactly one gets it; a chore that is interrupted is done at its next turn.
create table kongtask.chores (
  name text primary key,
  due_at timestamptz not null
);

create function kongtask.take_turn(p_chore text, p_every_ms float8) returns bool
language plpgsql
as $$
begin
  insert into kongtask.chores (name, due_at) values (p_chore, '-infinity') on conflict do nothing;
  update kongtask.chores c
     set due_at = clock_timestamp() + p_every_ms * interval '1 ms'
   where c.name = p_chore and c.due_at <= clock_timestamp();
  return found;
end
$$;
