"""A partner's and our own OpenPGP keys, made by the real GnuPG."""
import subprocess


class Ring:
    """A partner's or our own gpg, in a home of its own."""

    def __init__(self, home, name, passphrase="", algorithm="ed25519"):
        self.home, self.name, self.passphrase = home, name, passphrase
        home.mkdir(mode=0o700)
        self.gpg("--quick-gen-key", f"{name} <{name}@example.com>", algorithm, "sign", "0")
        fingerprint = [line.split(":")[9] for line in self.gpg("--with-colons", "--list-keys").decode().splitlines()
                       if line.startswith("fpr")][0]
        self.gpg("--quick-add-key", fingerprint, "cv25519", "encrypt", "0")
        self.public = self.gpg("--armor", "--export")
        self.secret = self.gpg("--armor", "--export-secret-keys")

    def gpg(self, *arguments, data=b""):
        done = subprocess.run(["gpg", "--homedir", self.home, "--batch", "--yes", "--quiet", "--trust-model", "always",
                               "--pinentry-mode", "loopback", "--passphrase", self.passphrase, *arguments],
                              input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def protect(self, data, recipient=None, sign=True, *more):
        if recipient is not None and recipient is not self:
            self.gpg("--import", data=recipient.public)
        what = [*(["--encrypt", "--recipient", recipient.name] if recipient else []), *(["--sign"] if sign else [])]
        return self.gpg(*what, *more, "--output", "-", data=data)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], capture_output=True)
