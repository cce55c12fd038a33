-- Everything that a bench has made, be it there or not.
drop schema if exists "kongtask" cascade
