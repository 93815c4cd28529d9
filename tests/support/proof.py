"""The proof of docs/architecture.md, computed once more in Python from the tables alone.

    differences(connection) -> texts, empty when every leaf, tree, head and link fits
"""
import datetime
import hashlib

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

LEAVES = """
SELECT encode(f.sha256, 'hex'), o.record_no, o.revision, o.byte_offset, o.byte_length, v.name, n.name, o.hold_reason,
       o.points, o.reference, o.reasons, o.detail, o.decided_at,
       d.redemption_id, d.external_reference, d.programme_id, d.member_id, d.points, d.amount, d.currency, d.merchant,
       d.transaction_type, d.partner, d.redeemed_at,
       r.reversal_id, r.external_reference, r.programme_id, r.member_id, r.points, r.redemption_id, r.posted_at,
       r.posted_by, o.file_id, o.event_id, o.leaf_hash
  FROM handback.outcome o
  JOIN handback.file f USING (file_id)
  JOIN handback.verdict_name v USING (verdict)
  JOIN handback.outcome_name n USING (outcome)
  LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
  LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
 ORDER BY o.file_id, o.record_no, o.revision, o.redemption_id
"""
HEADS = """
SELECT h.head_no, h.file_id, a.event_id, h.tree_size, encode(h.root, 'hex'), h.head_text, encode(h.head_hash, 'hex'),
       encode(h.previous, 'hex')
  FROM audit.head h LEFT JOIN audit.event a USING (head_no) ORDER BY h.head_no
"""


def written(value):
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return str((value - EPOCH) // datetime.timedelta(microseconds=1))
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        value = str(value).replace(plain, escaped)
    return value


def leaf_hash(row):
    line = "\t".join(["handback-leaf-1", *map(written, row)])
    return hashlib.sha256(b"\0" + line.encode()).digest()


def tree(leaves):
    """RFC 6962, section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def differences(connection):
    wrong, by_file, by_event = [], {}, {}
    for *row, file_id, event_id, stored in connection.execute(LEAVES):
        (by_file.setdefault(file_id, []) if event_id is None else by_event.setdefault(event_id, [])).append(bytes(stored))
        if leaf_hash(row) != bytes(stored):
            wrong.append(f"file {file_id} record {row[1]} revision {row[2]}: its leaf does not fit")
    previous, number = "0" * 64, 0
    for head_no, file_id, event_id, size, root, text, head_hash, linked in connection.execute(HEADS):
        number += 1
        if head_no != number:
            wrong.append(f"head {number} is missing")
        if linked != previous:
            wrong.append(f"head {head_no} is not linked to the one before")
        if hashlib.sha256(text.encode()).hexdigest() != head_hash:
            wrong.append(f"head {head_no}: its text was changed")
        said = dict(line.split("\t", 1) for line in text.splitlines()[1:] if "\t" in line)
        if said.get("root") != root or said.get("previous") != linked or said.get("tree_size") != str(size):
            wrong.append(f"head {head_no}: its text and its columns differ")
        if file_id is not None:
            leaves = by_file.pop(file_id, [])
            if len(leaves) != size or tree(leaves).hex() != root:
                wrong.append(f"head {head_no}: its tree is not that of file {file_id}'s {len(leaves)} leaves")
        if event_id is not None:
            leaves = by_event.pop(event_id, [])
            if len(leaves) != (size or 0) or (leaves and tree(leaves).hex() != root):
                wrong.append(f"head {head_no}: its tree is not that of event {event_id}'s {len(leaves)} leaves")
        previous, number = head_hash, head_no
    wrong += [f"file {file_id} has outcomes and no head" for file_id in by_file]
    wrong += [f"event {event_id} has outcomes and no head" for event_id in by_event]
    headless = connection.execute(
        "SELECT file_id FROM handback.file f WHERE NOT EXISTS (SELECT FROM audit.head h WHERE h.file_id = f.file_id)")
    wrong += [f"file {file_id} has no head" for file_id, in headless]
    return wrong
