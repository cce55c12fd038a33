// A TRUNCATE gives a table and each of its indexes new files, used or not: of all tables, with the days of history and
// logs, that takes longer than most tests do. What no test has touched has no pages, and is left as it is.
const EMPTY_TOUCHED_TABLES = `
  do $$
  declare
    v_touched text;
  begin
    select string_agg(c.oid::regclass::text, ', ') into v_touched
      from pg_class c
     where c.relnamespace = 'kongtask'::regnamespace
       and c.relkind = 'r'
       and c.relname not in ('migrations', 'settings', 'history_horizon', 'dead_letters_horizon', 'logs_horizon')
       and pg_relation_size(c.oid) > 0;
    if v_touched is not null then
      execute 'truncate ' || v_touched || ' restart identity';
    end if;
  end
  $$`

/** Leaves a migrated database without jobs, and without anything that tests or workers have left there. */
export async function emptyTables(query: (text: string) => Promise<unknown>): Promise<void> {
  await query(EMPTY_TOUCHED_TABLES)
}
