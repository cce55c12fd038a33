-- Follows up what dead processes completed in transactions of their handlers. (migrations: sweep_completions)
-- => swept int4
select kongtask.sweep_completions() as swept
