"""A world one of whose partners delivers on an SFTP server: that partner's inbound directory is what the server has."""
from world import World

PARTNER = "SKYLINE"


class SftpWorld(World):
    """The server (tests/support/sshd.py) may serve other worlds too: each has directories of its own."""

    def __init__(self, cluster, build, server, port=None, after="delete", answer="{name};{state};{records}",
                 rejects=None, limits=None, **more):
        self.server, self.port, self.after, self.rejects = server, port or server.port, after, rejects
        self.answer, self.limits = answer, limits or {}
        super().__init__(cluster, build, **more)

    def configure(self, **settings):
        super().configure(**settings)
        self.replies = self.dir / "replies"
        self.replies.mkdir(exist_ok=True)
        s = self.server
        sftp = (f"    settle: 0s\n    sftp:\n      host: 127.0.0.1\n      port: {self.port}\n      user: {s.user}\n"
                f"      key: {s.key}\n      host_keys: \"{s.pin}\"\n      directory: {self.inbound[PARTNER]}\n"
                f"      interval: 1s\n      after: {self.after}\n      answer: \"{self.answer}\"\n"
                f"      answer_directory: {self.replies}\n")
        sftp += "".join(f"      {limit}: {value}\n" for limit, value in self.limits.items())
        text = self.config.read_text()
        lines = text.splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if line.strip() == f"profile: {PARTNER.lower()}") + 1
        lines[at] = sftp
        self.config.write_text("".join(lines))
        if self.rejects is not None:
            self.want_rejects(PARTNER, self.rejects)

    def answers_there(self):
        return {p.name: p.read_text() for p in self.replies.iterdir()}
