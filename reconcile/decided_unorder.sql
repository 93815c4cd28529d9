-- Undoes decided_order.sql.
DROP INDEX pg_temp.decided_order
