-- How far each target was told is asked by who checks the service, as root does, too: by the login that has no more than the proof's role.

SET LOCAL ROLE handback_owner;

GRANT EXECUTE ON FUNCTION handback.waiting_since(text) TO handback_verify;
