-- Years of answers: one file, every redemption before {before} confirmed.
SET session_replication_role = replica;
INSERT INTO handback.partner (code) VALUES ('BENCH') ON CONFLICT DO NOTHING;
INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, profile, profile_sha256, sequence, place,
                           records, seen_at, archived_at, archived_as)
SELECT partner_id, 'delimited', 'history', 'history', sha256('history'), 1, 'posted', 'delimited', sha256('profile'), 0, 0,
       {before} - 1, now(), now(), 'history'
FROM handback.partner WHERE code = 'BENCH';
INSERT INTO handback.outcome (file_id, record_no, verdict, outcome, byte_length, byte_offset, redemption_id, points, decided_at, leaf_hash)
SELECT f.file_id, i, 1, 1, 84, i * 84, 1000000000 + i, 100 + i * 37 % 900, now(), sha256(i::text::bytea)
FROM handback.file f, generate_series(1, {before}::bigint - 1) i WHERE f.name = 'history'
ORDER BY i;
DELETE FROM ledger.watched_debit WHERE redemption_id < 1000000000 + {before}; -- as the night does with what is answered
RESET session_replication_role;
