-- A duplicate is the same file under the same number: none closes a gap any more, so the last number is the last that was posted.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION handback.last_number(of_partner integer, of_profile text) RETURNS bigint
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT max(f.sequence) FROM handback.file f
	WHERE f.partner_id = of_partner AND f.profile = of_profile AND f.state = 'posted'
$$;
