"""Asks a world's daemon for its metrics and health, over its UNIX socket."""
import http.client
import socket


class Socket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(str(self.path))


def get(world, path):
    asked = Socket(world.dir / "metrics")
    asked.request("GET", path)
    answer = asked.getresponse()
    return answer.status, answer.read().decode()
