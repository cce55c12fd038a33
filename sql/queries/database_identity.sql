-- Which database this is, by whatever name it was reached: two of them never have the same.
-- => identity text
select system_identifier::text || '/' || current_database() as identity from pg_control_system()
