"""handbackd with a scripted worker and one source on an SFTP server."""
import json
import pathlib
import signal

from scripted_daemon import Daemon


class SftpDaemon(Daemon):
    """A daemon with one source on a server."""

    top = ""  # more of the configuration

    def __init__(self, build, server, **sftp):
        self.sftp = {"host": "127.0.0.1", "port": server.port, "user": server.user, "key": str(server.key),
                     "host_keys": [server.pin], "directory": str(getattr(server, "root", ".")), "interval": "1s",
                     "stall": "2s", "connect": "2s", **sftp}
        self.more = {"settle": "0s"}
        super().__init__(build)
        self.incoming = self.dir / "spool" / "incoming" / "drop"

    def configure(self, **settings):
        super().configure(**settings)
        durations = ("settle", "interval", "stall", "connect", "deadline", "reread")

        def flow(value):
            if not isinstance(value, dict):
                return json.dumps(value)
            return "{" + ", ".join(f"{k}: {v if k in durations else flow(v)}" for k, v in value.items()
                                   if v is not None) + "}"

        source = {"name": "drop", "partner": "D", "profile": "p", **self.more, "sftp": self.sftp}
        text = self.top + self.config.read_text() + f"  - {flow(source)}\n"
        self.config.write_text(text)

    def reload(self):
        self.configure()
        before = self.log().count("msg=reloaded")
        self.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.log().count("msg=reloaded") > before, "the reload")

    def drop_state(self):
        return self.source_state("drop")["sftp"]

    def late(self):
        return self.ask("status")["loop"]["worst_late_ms"]

    def fetchers(self):
        """Process ids of its fetchers."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)
                except OSError:
                    continue
                if fields[0].endswith("(handback-fetch") and int(fields[1].split()[1]) == self.process.pid:
                    found.append(int(entry.name))
        return found
