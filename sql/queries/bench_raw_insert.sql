-- As many rows at once as a settlement takes, and nothing but that.
insert into kongtask.bench_raw (payload) select '{}' from generate_series(1, 100)
