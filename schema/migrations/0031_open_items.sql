-- The guard counts a partner's open redemptions, the newest first: by an index.

SET LOCAL ROLE handback_owner;

CREATE INDEX entry_partner ON ledger.entry (partner, posted_at) WHERE category = 'Debit By Redemption';
