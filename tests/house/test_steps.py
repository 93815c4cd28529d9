"""The table of a file's way, as the architecture describes it and as what is money needs it."""
import re

import c_source
from c_source import ROOT

FILE = ROOT / "reconcile/file"


def table(file, name):
    """[(step, function, files, in the transaction)] of one table of steps."""
    body = re.search(rf"struct job_step {name}\[\] = \{{\n(.*?)\n\}};", c_source.text(FILE / file), re.S).group(1)
    return re.findall(r'\{"(\w+)", (\w+), ([\w |]+), (true|false)\}', body)


def test_the_architecture_has_the_steps_in_their_order():
    document = re.sub(r"\s+", " ", (ROOT / "docs/architecture.md").read_text(encoding="utf-8"))
    assert ", ".join(step for step, *_ in table("job.c", "delivery")) in document


def test_the_transaction_is_one_piece_that_ends_with_its_commit():
    for name in ("delivery", "release"):
        inside = [(step, true == "true") for step, _, _, true in table("job.c", name)]
        steps = [step for step, within in inside if within]
        assert [s for s, _ in inside[:inside.index((steps[0], True))] + inside[inside.index((steps[-1], True)) + 1:]] \
            == [s for s, within in inside if not within], f"{name}: what is true together stands together"
        assert steps[0] == "known" and steps[-1] == "commit"


def test_a_release_has_no_step_that_a_delivery_has_not():
    delivery = [step for step, *_ in table("job.c", "delivery")]
    release = [step for step, *_ in table("job.c", "release")]
    assert release == [step for step in delivery if step in release]


def test_a_dry_run_posts_and_commits_nothing():
    for name in ("dry_run", "once_more"):
        steps = {step for step, *_ in table("job_try.c", name)}
        assert steps and not steps & {"post", "repeat", "commit", "archive", "remove", "note"}


def test_each_step_says_what_it_leaves_behind():
    header = c_source.text(FILE / "job_internal.h")
    for step, function, *_ in table("job.c", "delivery"):
        assert function == "committed" or f"* {step}: " in header, step
