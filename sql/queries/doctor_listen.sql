-- Hears what the same session says to itself (doctor_notify). It does not behind a pooler that lends sessions by the transaction.
listen "kongtask:doctor"
