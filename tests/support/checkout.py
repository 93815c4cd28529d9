"""The files of the checkout: what git has, or, where there is no git or no repository, what is here."""
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
MADE = ("build", "demo", ".")  # how folders of the root begin that are not ours


def files(*folders):
    """Their paths from the root, of all or of these folders and files."""
    if shutil.which("git") is not None:
        names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--", *folders], capture_output=True)
        if names.returncode == 0:
            return [name for name in names.stdout.decode().split("\0") if name and (ROOT / name).exists()]
    found = (path.relative_to(ROOT) for top in folders or (".",)
             for path in ([ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*")))
    return [str(path) for path in found
            if (ROOT / path).is_file() and not path.parts[0].startswith(MADE) and "__pycache__" not in path.parts]
