-- A category for the credit that is owed when a partner rejects what was reinstated. By itself: a new value of an enum is not
-- used in the transaction that adds it.

SET LOCAL ROLE handback_owner;

ALTER TYPE ledger.category ADD VALUE 'Credit By Correction';
