-- Deletes a schedule that no living process declares. (migrations: delete_schedule)
-- :name text
-- :by text?
-- => known bool
-- => declared bool
select o_known as known, o_declared as declared from kongtask.delete_schedule(:name, :by)
