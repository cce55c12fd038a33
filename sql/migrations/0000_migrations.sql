-- The table that remembers which of these files were applied. It comes before the first of them.
create table kongtask.migrations (
  number int4 primary key,
  name text not null,
  breaking bool not null,
  applied_at timestamptz not null default clock_timestamp()
);
