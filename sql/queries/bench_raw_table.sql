-- The least that a queue could be, to measure against.
create table kongtask.bench_raw (id int8 generated always as identity primary key, payload jsonb not null)
