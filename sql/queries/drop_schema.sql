-- Everything of KongTask's that is in the database. For schemas that a test made for itself.
drop schema "kongtask" cascade
