"""Two people with logins of their own who decide what is held, by the functions that handbackctl calls.

    with Operators(database) as people:
        proposal = people.propose([hold], "reverse", "refused by mail")
        people.approve(proposal)
"""
import psycopg

NAMES = ("ann", "ben")


class Operators:
    """ann proposes; ben approves or rejects."""

    def __init__(self, database):
        with database.connect() as c:
            for name in NAMES:
                if not c.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall():
                    c.execute(f"CREATE ROLE {name} LOGIN IN ROLE handback_operator")
        self.ann, self.ben = (database.connect(name) for name in NAMES)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.ann.close()
        self.ben.close()

    def propose(self, holds, decision, why="because", redemption=None, accept=True):
        return self.ann.execute("SELECT handback.propose(%s, %s, %s, %s::uuid, %s)",
                                (holds, decision, why, redemption, accept)).fetchone()[0]

    def approve(self, proposal, comment=None):
        return self.ben.execute("SELECT handback.approve(%s, %s)", (proposal, comment)).fetchone()[0]

    def reject(self, proposal, why="no"):
        return self.ben.execute("SELECT handback.reject(%s, %s)", (proposal, why)).fetchone()[0]

    def decide(self, holds, decision, why="because", redemption=None):
        """Proposed by one and approved by the other."""
        return self.approve(self.propose(holds, decision, why, redemption))

    def approve_own(self, proposal):
        """What must never work: True when the database refuses it."""
        try:
            self.ann.execute("SELECT handback.approve(%s)", (proposal,))
        except psycopg.errors.CheckViolation:
            return True
        return False
