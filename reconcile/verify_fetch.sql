-- The next of verify_leaves.sql or verify_act_leaves.sql.
FETCH FORWARD 20000 FROM leaves
