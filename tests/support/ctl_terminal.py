"""handbackctl on a terminal."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios


def on_terminal(*command, width=100, errors=None, answers="", **environment):
    """What handbackctl, its path first, writes on a terminal of that width, and its exit status."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
    env.pop("COLUMNS", None)
    if "NO_COLOR" not in environment:
        env.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=errors or slave, env=env)
    os.close(slave)
    os.write(master, answers.encode())
    data = b""
    while True:
        ready, _, _ = select.select([master], [], [], 30)
        assert ready, "no end"
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(master)
    return data.decode().replace("\r\n", "\n"), process.wait()
