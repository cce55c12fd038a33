-- Only where it does not exist: IF NOT EXISTS would ask for the right to create one even so.
create schema "kongtask"
