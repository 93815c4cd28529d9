"""An SFTP server that does what sshd will not: lies, stalls, dribbles, grows, cuts.

The SSH side is asyncssh's; the SFTP protocol (version 3) is spoken here packet by
packet, so a test can answer anything.  Subclass Partner and override what should
go wrong; the server runs in a thread of its own.
"""
import asyncio
import struct
import threading
import time

import asyncssh

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT = 1, 2, 3, 4, 5, 6, 7, 8
OPENDIR, READDIR, REMOVE, STAT, RENAME = 11, 12, 13, 17, 18
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
OK, EOF, NO_SUCH_FILE, DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8
REGULAR, DIRECTORY, LINK = 0o100644, 0o040755, 0o120777


class Cut(Exception):
    """Raised by a Partner to end the connection at once."""


def string(data):
    return struct.pack(">I", len(data)) + data


def attributes(size=0, mtime=1000000000, mode=REGULAR, has_size=True, has_mode=True, has_mtime=True):
    flags, out = 0, b""
    if has_size:
        flags |= 1
        out += struct.pack(">Q", size)
    if has_mode:
        flags |= 4
        out += struct.pack(">I", mode)
    if has_mtime:
        flags |= 8
        out += struct.pack(">II", mtime, mtime)
    return struct.pack(">I", flags) + out


class Partner:
    """What is there and how it is told.  Names and contents are bytes."""

    batch = 100

    def __init__(self):
        self.files = {}
        self.mtimes = {}
        self.log = []

    # what a test overrides

    def names(self):
        """(name, attributes) of a listing, one by one."""
        for name in list(self.files):
            yield name, self.attributes(name)

    def attributes(self, name):
        return attributes(len(self.files[name]), self.mtimes.get(name, 1000000000))

    async def read(self, name, offset, length):
        """Bytes, b"" for the end of the file."""
        return bytes(self.files[name][offset:offset + length])

    async def stat(self, name):
        return self.attributes(name) if name in self.files else NO_SUCH_FILE

    async def fstat(self, name):
        return await self.stat(name)

    async def rename(self, old, new):
        if old not in self.files:
            return NO_SUCH_FILE
        if new in self.files:
            return FAILURE
        self.files[new] = self.files.pop(old)
        if old in self.mtimes:
            self.mtimes[new] = self.mtimes.pop(old)
        return OK

    async def remove(self, name):
        return OK if self.files.pop(name, None) is not None else NO_SUCH_FILE

    async def create(self, name):
        if name in self.files:
            return FAILURE
        self.files[name] = bytearray()
        return OK

    async def write(self, name, offset, data):
        self.files[name][offset:offset + len(data)] = data
        return OK

    async def closed(self, name):
        return OK

    async def before(self, kind, name):
        """Called before each request is answered; raise Cut, sleep, change the files."""


class Session(asyncssh.SSHServerSession):
    """One SFTP channel."""

    def __init__(self, partner):
        self.partner = partner
        self.handles, self.next, self.gone = {}, 0, False
        self.input = asyncio.StreamReader()

    def connection_made(self, channel):
        self.channel = channel

    def subsystem_requested(self, subsystem):
        return subsystem == "sftp"

    def session_started(self):
        self.task = asyncio.ensure_future(self.run())

    def data_received(self, data, datatype):
        self.input.feed_data(data)

    def eof_received(self):
        self.input.feed_eof()

    def connection_lost(self, error):
        self.gone = True
        self.input.feed_eof()

    def write(self, data):
        if self.gone:
            raise ConnectionResetError
        self.channel.write(data)

    def send(self, kind, body):
        self.write(struct.pack(">IB", len(body) + 1, kind) + body)

    def status(self, request, code):
        self.send(STATUS, struct.pack(">II", request, code) + string(b"as the test wants") + string(b""))

    def handle(self, value):
        self.next += 1
        key = str(self.next).encode()
        self.handles[key] = value
        return key

    async def run(self):
        try:
            while True:
                length, kind = struct.unpack(">IB", await self.input.readexactly(5))
                body = await self.input.readexactly(length - 1)
                if kind == INIT:
                    self.send(VERSION, struct.pack(">I", 3))
                else:
                    await self.answer(kind, body)
        except (asyncio.IncompleteReadError, OSError):
            if not self.gone:
                self.channel.exit(0)
        except Cut:
            self.gone = True
            self.channel.get_connection().abort()

    async def answer(self, kind, body):
        request = struct.unpack(">I", body[:4])[0]
        fields = self.fields(body[4:])
        first = next(fields)
        name = self.path(kind, first)
        self.partner.log.append((kind, name))
        await self.partner.before(kind, name)
        reply = await getattr(self, f"on_{kind}", self.unsupported)(name, first, fields, body)
        if isinstance(reply, int):
            self.status(request, reply)
        elif reply is not None:
            self.send(reply[0], struct.pack(">I", request) + reply[1])

    def path(self, kind, first):
        if kind in (CLOSE, READ, WRITE, FSTAT, READDIR):
            value = self.handles.get(first)
            return value if isinstance(value, bytes) else b"."
        return first[2:] if first.startswith(b"./") else first

    def fields(self, data):
        while True:
            size = struct.unpack(">I", data[:4])[0]
            yield data[4:4 + size]
            data = data[4 + size:]
            self.rest = data

    async def unsupported(self, *_):
        return UNSUPPORTED

    async def on_3(self, name, first, fields, body):  # OPEN
        flags = struct.unpack(">I", body[8 + len(first):12 + len(first)])[0]
        if flags & 2:
            code = await self.partner.create(name)
            if code != OK:
                return code
        elif name not in self.partner.files:
            return NO_SUCH_FILE
        return HANDLE, string(self.handle(name))

    async def on_4(self, name, first, fields, body):  # CLOSE
        value = self.handles.pop(first, None)
        return await self.partner.closed(value) if isinstance(value, bytes) else OK

    async def on_5(self, name, first, fields, body):  # READ
        offset, length = struct.unpack(">QI", body[8 + len(first):20 + len(first)])
        data = await self.partner.read(name, offset, length)
        if isinstance(data, int):
            return data
        return (DATA, string(data)) if data else EOF

    async def on_6(self, name, first, fields, body):  # WRITE
        at = 8 + len(first)
        offset, size = struct.unpack(">QI", body[at:at + 12])
        return await self.partner.write(name, offset, body[at + 12:at + 12 + size])

    async def on_7(self, name, *_):  # LSTAT
        reply = await self.partner.stat(name)
        return reply if isinstance(reply, int) else (ATTRS, reply)

    on_17 = on_7

    async def on_8(self, name, *_):  # FSTAT
        reply = await self.partner.fstat(name)
        return reply if isinstance(reply, int) else (ATTRS, reply)

    async def on_11(self, name, *_):  # OPENDIR
        return HANDLE, string(self.handle(iter(self.partner.names())))

    async def on_12(self, name, first, *_):  # READDIR
        names = []
        for entry in self.handles[first]:
            names.append(entry)
            if len(names) >= self.partner.batch:
                break
        if not names:
            return EOF
        out = b"".join(string(n) + string(n) + a for n, a in names)
        return NAME, struct.pack(">I", len(names)) + out

    async def on_13(self, name, *_):  # REMOVE
        return await self.partner.remove(name)

    async def on_18(self, name, first, fields, body):  # RENAME
        new = next(fields)
        return await self.partner.rename(name, new[2:] if new.startswith(b"./") else new)


class SftpServer:
    """`with SftpServer(partner) as server:` — server.port, .pin; any key of anybody is let in.

    With server.rounds, lists of (question, shown while it is typed), only keyboard-interactive is; server.answers
    are those that came.
    """

    user = "partner"
    rounds = None

    def __init__(self, partner, **options):
        self.partner, self.options = partner, options
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.pin = self.key.get_fingerprint("sha256")
        self.logins, self.answers = 0, []

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def listen(self):
        outer = self

        class Anybody(asyncssh.SSHServer):
            def connection_made(self, connection):
                outer.connections.append(connection)

            def begin_auth(self, username):
                outer.logins += 1
                return True

            def public_key_auth_supported(self):
                return outer.rounds is None

            def validate_public_key(self, username, key):
                return True

            def password_auth_supported(self):
                return outer.rounds is None

            def kbdint_auth_supported(self):
                return outer.rounds is not None

            def get_kbdint_challenge(self, username, lang, submethods):
                self.left = list(outer.rounds)
                return ("", "", "", self.left.pop(0))

            def validate_kbdint_response(self, username, responses):
                outer.answers += responses
                if self.left:
                    return ("", "", "", self.left.pop(0))
                return "correct horse" in outer.answers

            def validate_password(self, username, password):
                return password == "correct horse"

            def session_requested(self):
                return Session(outer.partner)

        self.connections = []
        return await asyncssh.create_server(Anybody, "127.0.0.1", 0, server_host_keys=[self.key],
                                            encoding=None, **self.options)

    def __exit__(self, *_):
        async def close():
            for connection in self.connections:
                connection.abort()
            self.server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Proxy:
    """TCP between a client and a port: cuts after so many bytes to the client, or slows it down.

    `with Proxy(port) as proxy:` — proxy.port; proxy.cut_after, proxy.bytes_per_s may be set at any time.
    """

    def __init__(self, port, cut_after=None, bytes_per_s=None):
        self.to, self.cut_after, self.bytes_per_s = port, cut_after, bytes_per_s
        self.passed = 0

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.connection, "127.0.0.1", 0), self.loop).result(5)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        async def close():
            self.server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def connection(self, reader, writer):
        self.passed = 0
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()
            return
        up = asyncio.ensure_future(self.pump(reader, back))
        try:
            await self.pump(there, writer, counted=True)
        finally:
            up.cancel()
            writer.transport.abort()
            back.transport.abort()

    async def pump(self, reader, writer, counted=False):
        try:
            while data := await reader.read(4096 if counted else 65536):
                if counted and self.cut_after is not None and self.passed + len(data) > self.cut_after:
                    writer.write(data[:max(0, self.cut_after - self.passed)])
                    await writer.drain()
                    return
                writer.write(data)
                await writer.drain()
                if counted:
                    self.passed += len(data)
                    if self.bytes_per_s:
                        await asyncio.sleep(len(data) / self.bytes_per_s)
        except (ConnectionError, OSError):
            pass


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError("it did not come true")
