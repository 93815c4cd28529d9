-- Done with verify_leaves.sql or verify_act_leaves.sql.
CLOSE leaves
