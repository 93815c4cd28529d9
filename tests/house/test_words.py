"""Words that have gone (docs/glossary.md has what stands for them): in no source, statement, message or document."""
import pathlib
import re

import checkout
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# a name or a phrase each, and what stands for it: identifiers where the word alone is ordinary English
GONE = {
    r"already_done|ALREADY_DONE": "already_applied",
    r"OUTCOME_NOTED|'noted'": "informational",
    r"duplicate_unlike|part_unlike": "conflicting_duplicate, conflicting_part",
    r"\breissue\b|\bREISSUE": "resubmission",
    r"\bgap: go_on|hold_or_go\b|POLICY_GO_ON": "continue",
    r"\bunjudged\b|\"Not judged\"": "not_processed",
    r"hold_reason\.wants|\br\.wants\b|\"It wants\"": "action_required",
    r"[Hh]eld whole\"|[Dd]elivered again\"|\"its points\"": "file on hold, duplicate delivery, confirmed points",
    r"[Ww]hat waits for a person\"": "open holds",
    r"append_act\b|audit\.act\b|\bact_id\b|\bat_of\b": "append_event, audit.event, event_id, event_time",
    r"struct told\b|\btold_(?:open|close|take|control|refusal)\b|\btell_holds\b": "parse_report, notify_holds",
    r"handback\.let_pass|\blet_pass\b|\bPASS_(?:TEST|GAP|GUARD|PARTS|ALL)\b|decide_rehearse": "waived_checks, WAIVE_, warm_up",
    r"\bmatched_later\b|\blater_(?:source|expire|count|write)\b|report_later|rematch/later": "rematch, rematched",
    r"handback\.issue|\bissue_(?:id|file|missing)\b|\bplace_files\b|\bmake_issues\b": "expected_delivery, assign_deliveries",
    r"\bcould_not(?:_look)?\b|COULD_NOT\b": "failed, scan_failed",
    r"(?:handback|ledger)\.why_not|ledger\.worth\b|handback\.fits\b": "refusal_reason, points_value, matches",
    r"confirmed_by_absence|[Cc]onfirmed by silence|\babsence_(?:params|term|confirm)\b": "deemed_accepted",
    r"overdue_answers|answers that partners owe|\bterm_said\b": "unanswered_redemptions, term_text",
    r"points given back|points taken from": "credited, debited",
    r"unneeded_copy|handback\.removal\b|removed_by_retention": "purgeable_copy, handback.purge, purged",
    r"\bunknown_kept\b|\bfetch/memory\b|\bmemory_entry\b|loop_pulse|sample_room": "orphans, state file, heartbeat, buffer",
    r"FETCH_SAY_|_TURN_TOLD\b": "FETCH_SEND_, STARTED",
    r"\b[Aa]new\b|\bas ever\b|\b[Mm]end(?:s|ed)?\b": "again, nothing, fix",
}

FOLDERS = ("lib", "parsers", "reconcile", "collect", "daemon", "fetch", "nightly", "api", "gate", "ctl", "schema", "systemd", "docs", "fixtures", "bench",
           "tools", "tests/unit", "tests/golden", "tests/engine", "tests/daemon", "tests/api", "tests/ledger", "tests/support", "tests/fetch", "tests/proofs", "README.md", "CHANGELOG.md")
SHOWN = {".c", ".h", ".sql", ".py", ".md", ".yml", ".yaml", ".json", ".in", ".txt", ".svg", ".css", ".build"}


def texts():
    """Every text that we wrote, but the glossary, which tells the old words beside the new ones."""
    for name in checkout.files(*FOLDERS):
        path = ROOT / name
        if path.suffix in SHOWN and name != "docs/glossary.md" and path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")


def places(pattern, found):
    return [f"{name}:{text.count(chr(10), 0, m.start()) + 1}: {m.group()}" for name, text in found
            for m in re.finditer(pattern, text)]


@pytest.fixture(scope="module")
def all_texts():
    found = list(texts())
    assert len(found) > 300
    return found


@pytest.mark.parametrize("gone", GONE)
def test_a_word_that_has_gone_stays_away(all_texts, gone):
    assert places(gone, all_texts) == [], f"write {GONE[gone]}"


def test_a_word_that_came_back_is_seen():
    assert places(r"\bact_id\b", [("x.sql", "one\nSELECT act_id\n")]) == ["x.sql:2: act_id"]
