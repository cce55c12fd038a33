-- Only where it does not exist: IF NOT EXISTS would ask for the right to create one even so.
do $$
begin
  if to_regnamespace('"kongtask"') is null then
    create schema "kongtask";
  end if;
end
$$
