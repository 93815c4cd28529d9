"""A proxy in front of a PostgreSQL that reads its messages and does what a test says at one of them.

    with Proxy(cluster, folder) as proxy:
        proxy.conninfo("db", "handback_daemon")       # by way of the proxy
        proxy.at(17, lambda message: CUT)             # the 17th message from now on, in either direction
        proxy.on(lambda message: ...)                 # or every one: PASS, CUT, other bytes to send in its place

A message is the frame of the protocol, version 3: its type's letter, its length,
its payload; a client's first one has no letter and is called "startup".  What is
called with it runs while everything stands still, so that a fault can be put
exactly there.  CUT ends the connection before the message goes on, SENT after it.
"""
import collections
import os
import selectors
import socket
import struct
import threading

Message = collections.namedtuple("Message", "number sender kind payload raw")  # sender: "client" or "server"
PASS, CUT, SENT = "pass", "cut", "sent"
PORT_NAME = ".s.PGSQL.5432"


class Side:
    """One direction of one connection."""

    def __init__(self, name, source, sink):
        self.name, self.source, self.sink = name, source, sink
        self.bytes, self.started = b"", name == "server"

    def take(self):
        """The next whole message as (kind, payload, raw), or None."""
        header = 5 if self.started else 4
        if len(self.bytes) < header:
            return None
        length, = struct.unpack_from("!I", self.bytes, header - 4)
        whole = length + header - 4
        if len(self.bytes) < whole:
            return None
        raw, self.bytes = self.bytes[:whole], self.bytes[whole:]
        kind = raw[:1].decode("latin-1") if self.started else "startup"
        self.started = True
        return kind, raw[header:], raw


class Proxy:
    def __init__(self, cluster, folder):
        self.target, self.folder = cluster.socket / PORT_NAME, folder
        self.numbers, self.seen, self.rule, self.wrong = 0, [], None, None
        self.lock = threading.Lock()
        self.connections, self.asked = set(), []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.fspath(folder / PORT_NAME))
        self.listener.listen(64)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.bell, self.ringer = socket.socketpair()
        self.selector.register(self.bell, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ringer.close()
        self.thread.join(10)
        for pair in list(self.connections):
            self._end(pair)
        self.listener.close()
        self.bell.close()
        self.selector.close()
        self.refuse()
        if self.wrong:
            raise self.wrong

    def conninfo(self, database, user="postgres"):
        return f"host={self.folder} user={user} dbname={database}"

    # what to do when

    def on(self, rule):
        """rule(message) for every message from now on, numbered from 1; None: let all pass."""
        with self.lock:
            self.rule, self.numbers, self.seen = rule, 0, []

    def at(self, number, rule):
        self.on(lambda m: rule(m) if m.number == number else PASS)

    def messages(self):
        """What passed or was met since the rule was set: [(sender, kind)]."""
        with self.lock:
            return list(self.seen)

    def cut(self):
        """Ends the connections that there are: their clients learn it when they next say something."""
        done = threading.Event()
        self.asked.append(done)
        self.ringer.send(b".")
        assert done.wait(30), "the proxy does not answer"

    def refuse(self):
        """Nobody listens any more, as on a host whose server is gone."""
        (self.folder / PORT_NAME).unlink(missing_ok=True)

    # the one thread

    def _serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.bell:
                    if not self.bell.recv(1):
                        return
                    done = self.asked.pop(0)
                    for pair in list(self.connections):
                        self._end(pair)
                    done.set()
                elif key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj.fileno() >= 0:
                    self._read(*key.data)

    def _accept(self):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(os.fspath(self.target))
        except OSError:  # nobody there: the client is told by the end of its connection
            client.close()
            server.close()
            return
        pair = client, server
        self.connections.add(pair)
        self.selector.register(client, selectors.EVENT_READ, (pair, Side("client", client, server)))
        self.selector.register(server, selectors.EVENT_READ, (pair, Side("server", server, client)))

    def _end(self, pair):
        self.connections.discard(pair)
        for end in pair:
            if end.fileno() >= 0:
                self.selector.unregister(end)
                end.close()

    def _read(self, pair, side):
        try:
            more = side.source.recv(1 << 16)
            side.bytes += more
            while more and (message := side.take()) is not None:
                if not self._message(side, *message):
                    more = b""
        except OSError:
            more = b""
        if not more:
            self._end(pair)

    def _message(self, side, kind, payload, raw):
        """False when the connection is to end."""
        with self.lock:
            self.numbers += 1
            self.seen.append((side.name, kind))
            rule, message = self.rule, Message(self.numbers, side.name, kind, payload, raw)
        try:
            what = rule(message) if rule else PASS
        except Exception as e:  # the test's own mistake: told at the end of the proxy
            self.wrong, what = e, CUT
        if what is CUT:
            return False
        side.sink.sendall(raw if what in (PASS, SENT) else what)
        return what is not SENT
