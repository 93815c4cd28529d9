-- No role that only reads keeps copies from being purged: the lock is on a table that nobody else may touch.

SET LOCAL ROLE handback_owner;

CREATE TABLE handback_schema.purge_lock ();
COMMENT ON TABLE handback_schema.purge_lock IS 'Has no rows: it is locked by whoever purges copies, until the end of the transaction';
CREATE FUNCTION handback.lock_purge() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	LOCK TABLE handback_schema.purge_lock IN EXCLUSIVE MODE;
END
$$;
COMMENT ON FUNCTION handback.lock_purge() IS 'Copies are purged by one at a time: until the transaction ends';
REVOKE ALL ON FUNCTION handback.lock_purge() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.lock_purge() TO handback_nightly;
