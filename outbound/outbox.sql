-- name: targets
-- The connector of each comes where it is another version than was had.
SELECT name, version FROM handback.targets_to_tell()

-- name: connector
-- $1: name, $2: version.
SELECT connector FROM handback.targets_to_tell() WHERE name = $1::text AND version = $2::integer

-- name: claim
-- $1: target, $2: kinds, $3: at most so many of each.
SELECT delivery, kind, key, subject, object::text AS object FROM handback.claim_delivery($1::text, $2::text[], $3::integer)

-- name: end
-- $1: delivery, $2: result, $3: HTTP status, $4: why, $5: seconds to wait, $6: what came of each object, as JSON.
SELECT handback.end_delivery($1::bigint, $2::text, $3::integer, $4::text, $5::integer, array_agg(o.kind), array_agg(o.key),
	array_agg(o.subject), array_agg(o.result), array_agg(o.status), array_agg(o.why))
FROM pg_catalog.jsonb_to_recordset($6::jsonb) o (kind text, key text, subject bigint, result text, status integer, why text)

-- name: resume
-- $1: target.
SELECT delivery, kind, key, subject, object::text AS object, job, step FROM handback.resume_delivery($1::text)

-- name: job
-- $1: delivery, $2: kind, $3: step, $4: the target's name for the job.
SELECT handback.note_job($1::bigint, $2::text, $3::text, $4::text)

-- name: claim_read
-- $1: target, $2: kinds that it can be asked for.
SELECT delivery, kind, key, subject, object::text AS object FROM handback.claim_read($1::text, $2::text[])

-- name: end_read
-- As end.
SELECT handback.end_read($1::bigint, $2::text, $3::integer, $4::text, $5::integer, array_agg(o.kind), array_agg(o.key),
	array_agg(o.subject), array_agg(o.result), array_agg(o.status), array_agg(o.why))
FROM pg_catalog.jsonb_to_recordset($6::jsonb) o (kind text, key text, subject bigint, result text, status integer, why text)

-- name: refuse
SELECT handback.refuse_target($1::text, $2::integer, $3::text)

-- name: next_batch
-- $1: programme, $2: partner.
SELECT batch, sequence, day - date '1970-01-01' AS day, step, name, bytes, pg_catalog.encode(sha256, 'hex') AS sha256
FROM points.next_batch($1::text, $2::text)

-- name: batch_rows
SELECT external_reference::text, outbound_reference, member, account, programme, merchant, points, amount, currency, transaction_type,
	request_key, reason AS note
FROM points.batch_rows($1::bigint)

-- name: note_batch
-- $1: batch, $2: step, $3: the file's name, $4: its bytes, $5: its SHA-256, hex.
SELECT points.note_batch($1::bigint, $2::text, $3::text, $4::bigint, pg_catalog.decode($5::text, 'hex'))

-- name: next_questions
-- As next_batch, of questions.
SELECT batch, sequence, day - date '1970-01-01' AS day, step, name, bytes, pg_catalog.encode(sha256, 'hex') AS sha256
FROM points.next_questions($1::text, $2::text)

-- name: question_rows
SELECT question_no, question, external_reference::text, outbound_reference, partner_reference, member, account, programme, points, stated_points,
	codes, file_name, record_no, note
FROM points.question_rows($1::bigint)

-- name: note_questions
-- As note_batch; $6: business days within which an answer is due.
SELECT points.note_questions($1::bigint, $2::text, $3::text, $4::bigint, pg_catalog.decode($5::text, 'hex'), $6::integer)

-- name: close_batches
SELECT points.close_batches() AS closed

-- name: targets_to_send
-- As targets, of those that are sent points requests.
SELECT name, version FROM points.targets_to_send()

-- name: send_connector
-- $1: name, $2: version.
SELECT connector FROM points.targets_to_send() WHERE name = $1::text AND version = $2::integer

-- name: listen
-- handback-api says so when it has taken requests.
LISTEN handback_points

-- name: begin_requests
SELECT points.begin_requests($1::text)::integer AS begun

-- name: claim_requests
-- $1: target, $2: its version, $3: at most so many, $4: it can be asked, $5: it takes a reference once, $6: for how long, in seconds.
SELECT request, nth, n, what, object::text AS object
FROM points.claim_requests($1::text, $2::integer, $3::integer, $4::boolean, $5::boolean, $6::integer)

-- name: note_attempt
-- $1 to $3: which, $4: result, $5: HTTP status, $6: the partner's reference, $7: points as it has them, $8: why, $9: it takes a reference
-- once, $10: what is missing was not sent, $11: after so many seconds it is missing.
SELECT points.note_attempt($1::bigint, $2::integer, $3::integer, $4::text, $5::integer, $6::text, $7::bigint, $8::text, $9::boolean, $10::boolean,
	$11::integer)
