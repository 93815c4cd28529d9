"""A socket as a program's own unit has it (ListenSequentialPacket=, Accept=yes): one process for each connection, which
it has as descriptor 3."""
import os
import socket
import subprocess
import threading


class UnitSocket:
    """`with UnitSocket(path, program) as unit:` — unit.runs, the processes, oldest first."""

    def __init__(self, path, program):
        self.path, self.program, self.runs = path, program, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def __enter__(self):
        self.listener.bind(str(self.path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.runs.append(subprocess.Popen(["/bin/sh", "-c", 'exec "$0" 3<&0 </dev/null', self.program], stdin=connection))

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
        for run in self.runs:
            run.kill()
            run.wait()
