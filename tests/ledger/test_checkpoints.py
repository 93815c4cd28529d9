"""Checkpoints outside of the database: signed by themselves, and what audit verify finds by them without being told."""
import base64
import hashlib
import json

import pytest

from chain import NAME, cut_the_tail, make_key, rewrite_the_chain
from proof import tree
from world import DAY, World


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        made.verifier, made.credentials = make_key(made)
        made.file_of_checkpoints = made.dir / "checkpoints"
        made.configure(checkpoints=f"{{file: {made.file_of_checkpoints}, verifiers: [\"{made.verifier}\"]}}")
        made.drop("SKYLINE", *made.file("SKYLINE"))
        made.run()
        yield made


def verify(world, *arguments, signs=False):
    more = {"CREDENTIALS_DIRECTORY": str(world.credentials)} if signs else {}
    done = world.ctl("audit", "verify", "--json", *arguments, check=False, **more)
    said = json.loads(done.stdout) if done.stdout else {}
    found = said.get("differences") or ([said["difference"]] if said.get("difference") else [])
    return done.returncode, [d["message"] for d in found if d["part"] == "checkpoint"], said, done.stderr


def next_file(world, number):
    world.drop("SKYLINE", *world.file("SKYLINE", world.answers("SKYLINE", start=40 * number, count=20), sequence=number + 1,
                                      day=DAY.replace(day=DAY.day + number)))
    world.run()


def sign(world):
    code, found, said, why = verify(world, signs=True)
    assert (code, found) == (0, []), why
    return said


def notes(world):
    """(heads, root, the text that is signed, the lines of signatures) of each checkpoint in the file."""
    whole = world.file_of_checkpoints.read_text(encoding="utf-8").split("\n\n")
    assert whole.pop() == ""
    return [(int(text.split("\n")[1]), base64.b64decode(text.split("\n")[2]), text + "\n", lines)
            for text, lines in zip(whole[::2], whole[1::2])]


def test_each_night_signs_what_the_chain_is(world):
    said = sign(world)
    (heads, root, text, line), = notes(world)
    hashes = [bytes(h) for h, in world.query("SELECT head_hash FROM audit.head ORDER BY head_no")]
    assert (heads, root) == (len(hashes), tree([hashlib.sha256(b"\0" + h).digest() for h in hashes]))
    # C2SP signed-note: a line of an em dash, the name, and base64 of four bytes of the key's hash and the signature
    assert text.startswith(f"{NAME}\n{heads}\n") and line.startswith(f"— {NAME} ")
    name, key_hash, key = world.verifier.split("+", 2)
    public = base64.b64decode(key)
    assert hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8] == key_hash and public[0] == 1
    assert base64.b64decode(line.split(" ")[2])[:4].hex() == key_hash
    # it is shown, so that the journal has it, and people are told
    assert [row["line"] for row in said["checkpoint"]] == [*text.strip().split("\n"), line]
    told, = (p for p in (world.spool / "notifications").iterdir() if p.name.startswith("checkpoint"))
    assert json.loads(told.read_text(encoding="utf-8"))["checkpoint"] == f"{text}\n{line}\n\n"

    # nothing new: nothing is signed again; then a second one behind the first
    assert "checkpoint" not in sign(world) and len(notes(world)) == 1
    next_file(world, 1)
    sign(world)
    assert [n[0] for n in notes(world)] == [heads, heads + 1] and notes(world)[0][1] == root
    said = sign(world)
    assert (said["verified"]["checkpoints"], said["verified"]["checkpoint_heads"]) == (2, heads + 1)


def test_the_report_of_the_night_has_the_newest(world):
    sign(world)
    world.ctl("nightly", check=False)
    text = notes(world)[-1][2].split("\n")[2]
    written = [p for p in (world.dir / "reports").iterdir() if text in p.read_text(encoding="utf-8", errors="replace")]
    assert {p.suffix for p in written} >= {".html", ".json", ".csv"}, written


def test_only_who_has_the_key_signs(world):
    assert verify(world)[0] == 0 and not world.file_of_checkpoints.exists()
    (world.credentials / "checkpoint.key").write_text("none")  # what the unit says where there is none
    assert verify(world, signs=True)[0] == 0 and not world.file_of_checkpoints.exists()
    (world.credentials / "checkpoint.key").write_text("PRIVATE+KEY+nonsense")
    code, _, _, why = verify(world, signs=True)
    assert code == 2 and "audit key" in why
    _, world.credentials = make_key(world, file="another")
    code, _, _, why = verify(world, signs=True)
    assert code == 2 and "none of checkpoints.verifiers" in why and not world.file_of_checkpoints.exists()


def test_a_key_is_never_written_over(world):
    before = (world.credentials / "checkpoint.key").read_bytes()
    assert world.ctl("audit", "key", NAME, world.credentials / "checkpoint.key", check=False).returncode == 2
    assert (world.credentials / "checkpoint.key").read_bytes() == before
    assert world.ctl("audit", "key", "with a blank", world.dir / "k", check=False).returncode == 2


def test_a_tail_that_was_cut_off_is_found(world):
    next_file(world, 1)
    sign(world)
    cut_the_tail(world)
    code, found, _, _ = verify(world)
    assert code == 5 and found == ["2 heads were signed, 1 are there: the end of the chain was cut off"]
    world.configure()
    assert verify(world)[0] == 0, "what is left is not sound by itself: the test tests nothing"


def test_a_chain_that_was_rewritten_is_found_and_never_signed(world):
    sign(world)
    next_file(world, 1)
    sign(world)
    next_file(world, 2)
    rewrite_the_chain(world)
    code, found, said, _ = verify(world, signs=True)
    assert code == 5 and found == ["the first 1 heads are not those that were signed: the chain was rewritten somewhere after"
                                   " head 0"]
    assert "checkpoint" not in said and len(notes(world)) == 2
    world.configure()
    assert verify(world)[0] == 0, "the rewritten chain is not sound by itself: the test tests nothing"


def test_what_is_wrong_with_the_file_is_told_apart(world):
    sign(world)
    first = world.file_of_checkpoints.read_bytes()
    next_file(world, 1)
    sign(world)
    both = world.file_of_checkpoints.read_bytes()
    other, folder = make_key(world, file="another")
    copy = world.dir / "copy"

    def said_of(data):
        copy.write_bytes(data)
        code, found, _, _ = verify(world, "--checkpoints", copy)
        assert (code == 5) == bool(found)
        return found

    assert said_of(both) == [] and said_of(first) == []
    assert said_of(both[:-30]) == ["checkpoint 2: the file was cut off within it"]
    assert said_of(both.replace(b"\n2\n", b"\n3\n")) == ["checkpoint 2: its signature is wrong: it is not what the key signed"]
    assert said_of(both + first) == ["checkpoint 3 is of an older tree: it has 1 heads, the one before it 2"]
    assert said_of(b"x\n\ny\n\n" + both) == ["checkpoint 1: it is not one"]
    world.configure(checkpoints=f"{{file: {world.file_of_checkpoints}, verifiers: [\"{other}\"]}}")
    assert said_of(first) == ["checkpoint 1: it is signed by none of the keys of checkpoints.verifiers"]
    # after a change of keys both stand in the configuration
    world.configure(checkpoints=f"{{file: {world.file_of_checkpoints}, verifiers: [\"{other}\", \"{world.verifier}\"]}}")
    world.credentials = folder
    next_file(world, 2)
    sign(world)
    assert len(notes(world)) == 3 and said_of(world.file_of_checkpoints.read_bytes()) == []
    copy.unlink()
    code, found, _, _ = verify(world, "--checkpoints", copy)
    assert code == 5 and "No such file" in found[0]


def test_verifiers_are_needed(world):
    world.configure(checkpoints=f"{{file: {world.file_of_checkpoints}}}")
    code, _, _, why = verify(world)
    assert code == 2 and "checkpoints.verifiers" in why
    world.configure(checkpoints=f"{{file: {world.file_of_checkpoints}, verifiers: [\"{world.verifier[:-1]}\"]}}")
    code, _, _, why = verify(world)
    assert code == 2 and "is no key" in why
