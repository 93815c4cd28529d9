-- One writer of the chain at a time, until the end of the transaction. A statement of its own: the next one must see
-- what its predecessor committed.
SELECT head_no FROM audit.chain_end()
