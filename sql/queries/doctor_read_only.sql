-- What follows in this transaction can write nothing, and each statement of it ends in time.
-- :timeout text  milliseconds
-- => writing text
-- => ending text
select set_config('transaction_read_only', 'on', true) as writing,
       set_config('statement_timeout', :timeout, true) as ending
