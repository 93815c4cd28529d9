-- Before the file is parsed once more in the same transaction.
TRUNCATE pg_temp.stage
