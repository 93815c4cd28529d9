"""Sessions that are stepped through every order in which their statements can meet.

    for order in steps.orders({"a": 3, "b": 2}): ...
    outcome = steps.play(database, {"a": [...statements], "b": [...]}, order, role)

A statement that blocks is left to wait while the others go on, as with
PostgreSQL's isolationtester; who is blocked is asked of the server itself.
"""
import concurrent.futures
import time

import psycopg


def orders(lengths):
    """Every interleaving of the sessions' steps: tuples of names."""
    if not any(lengths.values()):
        return [()]
    return [(name, *rest) for name, count in lengths.items() if count
            for rest in orders({**lengths, name: count - 1})]


class Session:
    def __init__(self, database, name, statements, role):
        self.name, self.statements, self.said = name, list(statements), []
        self.connection = database.connect(role)
        self.pid = self.connection.info.backend_pid
        self.waiting = None

    def run(self, statement):
        try:
            cursor = self.connection.execute(statement)
            while cursor.nextset():  # of several statements in one step, the last one tells
                pass
            return cursor.fetchall() if cursor.description else cursor.rowcount
        except psycopg.Error as e:
            return e.sqlstate


def play(database, sessions, order, role="postgres"):
    """{session: [what each statement gave: rows, a row count, or the SQLSTATE of its error]}."""
    with concurrent.futures.ThreadPoolExecutor(len(sessions)) as pool, database.connect() as watcher:
        playing = {name: Session(database, name, statements, role) for name, statements in sessions.items()}
        pids = [s.pid for s in playing.values()]
        try:
            left = list(order)
            while left or any(s.waiting for s in playing.values()):
                settle(watcher, playing, pids)
                name = next((n for n in left if playing[n].waiting is None), None)
                if name is None:
                    waiting = [s for s in playing.values() if s.waiting]
                    assert not waiting or any(not blocked(watcher, s.pid, pids) for s in waiting), \
                        f"all sessions wait for each other in {order}"
                    continue
                left.remove(name)
                s = playing[name]
                s.waiting = pool.submit(s.run, s.statements[len(s.said)])
            return {name: s.said for name, s in playing.items()}
        finally:
            for s in playing.values():
                watcher.execute("SELECT pg_terminate_backend(%s)", (s.pid,))
                s.connection.close()


def settle(watcher, playing, pids, patience=10):
    """Until each running statement has ended or is blocked by another session."""
    deadline = time.monotonic() + patience
    for s in playing.values():
        while s.waiting is not None:
            if s.waiting.done():
                s.said.append(s.waiting.result())
                s.waiting = None
            elif blocked(watcher, s.pid, pids):
                break
            else:
                assert time.monotonic() < deadline, f"{s.name} neither ends nor waits for a lock"
                time.sleep(0.002)


def blocked(watcher, pid, pids):
    return watcher.execute("SELECT pg_isolation_test_session_is_blocked(%s, %s)", (pid, pids)).fetchone()[0]
