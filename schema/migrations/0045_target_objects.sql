-- Who reads the ledger may see what targets are told.

SET LOCAL ROLE handback_owner;

ALTER FUNCTION handback.redemption_object(bigint) SECURITY DEFINER;
ALTER FUNCTION handback.balance_object(bigint) SECURITY DEFINER;
GRANT EXECUTE ON FUNCTION handback.redemption_object(bigint), handback.balance_object(bigint) TO handback_operator, handback_finance,
	handback_verify;
