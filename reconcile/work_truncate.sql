-- Between two files, now and then and after a large one: gives back what work_clear.sql leaves behind.
TRUNCATE pg_temp.stage, pg_temp.candidate, pg_temp.picked, pg_temp.repeated, pg_temp.answered, pg_temp.decided
