-- First in a transaction: it sees the database as it is now, and writes nothing.
set transaction isolation level repeatable read, read only
