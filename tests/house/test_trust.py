"""README's table of trust: whatever its column "never" says, a test tries it."""
import re

from c_source import ROOT

ATTEMPTS, WALLS, SANDBOX = "tests/hostile/test_attempts.py", "tests/hostile/test_walls.py", "tests/hostile/test_sandbox.py"
UNIT, GATE = "tests/ops/test_decrypt_unit.py", "tests/hostile/test_gate_walls.py"
RECEIVE = "tests/hostile/test_receive_walls.py"
SEND = "tests/hostile/test_send_walls.py"
WEB, PAGES = "tests/hostile/test_web_walls.py", "tests/web/test_pages.py"
LOGIN = "tests/web/test_login.py"
READERS, FLOORS = "tests/ledger/test_readers.py", "tests/house/test_floors.py"
LINKS = f"{FLOORS}::test_each_program_links_its_own_libraries_only"
NO_PARSER = f"{ATTEMPTS}::test_who_posts_has_no_parser_in_it"
IN_THE_SANDBOX = (f"{SANDBOX}::test_no_escape", f"{SANDBOX}::test_fails_closed", f"{SANDBOX}::test_reads_the_file_only_when_locked")
NO_CHANGE = (f"{READERS}::test_no_table_is_changed", f"{READERS}::test_no_writing_function_is_called", f"{ATTEMPTS}::test_no_role_becomes_another")

# program -> what it never does or has, in README's words -> who tries
NEVER = {
    "handbackd": {
        "a partner's byte": (f"{ATTEMPTS}::test_handbackd_reads_no_partners_byte", LINKS),
        "the database": (f"{ATTEMPTS}::test_handbackd_does_not_connect_to_the_database",
                         f"{ATTEMPTS}::test_handbackd_says_nothing_to_its_own_server_but_are_you_there", LINKS),
    },
    "handback-reconcile": {
        "parsing partner bytes": (f"{ATTEMPTS}::test_the_reconciler_only_copies_what_a_partner_sent", NO_PARSER, LINKS),
        "a decision of people's": (f"{ATTEMPTS}::test_a_programs_role_cannot_do_what_people_decide", f"{ATTEMPTS}::test_no_role_posts_by_hand"),
    },
    "handback-collect": {
        "a partner's byte": (f"{ATTEMPTS}::test_the_collector_reads_no_partners_byte", LINKS),
        "a member's data": (f"{ATTEMPTS}::test_the_collector_sees_no_members_data",),
        "a change in the database": NO_CHANGE,
    },
    "handback-parse": {what: IN_THE_SANDBOX for what in ("files", "network", "database", "exec")},
    "handback-parse-xml": {"the same": IN_THE_SANDBOX},
    "handback-infer": {"the same": IN_THE_SANDBOX},
    "handback-decrypt": {what: (f"{WALLS}::test_a_decrypter_cannot", f"{WALLS}::test_a_decrypter_that_cannot_be_locked_down_opens_nothing",
                                f"{UNIT}::test_in_the_units_walls", f"{UNIT}::test_locked_in_by_itself_and_by_its_unit")
                         for what in ("what is inside", "the database", "the network", "any other file")},
    "handback-fetch": {what: (f"{WALLS}::test_a_fetcher_cannot", f"{WALLS}::test_a_fetcher_that_cannot_be_locked_down_does_not_connect")
                       for what in ("the database", "another source's key", "any other file", "a local socket", "exec")},
    "handback-nightly": {
        "a posting by hand that the proof does not name": (
            f"{ATTEMPTS}::test_no_role_posts_by_hand",
            "tests/ledger/test_verify_postings.py::test_a_login_that_never_posted_for_a_file_posts_a_reversal"),
        "a new file's row": (f"{ATTEMPTS}::test_the_night_makes_no_files_row",),
        "parsing partner bytes": (f"{ATTEMPTS}::test_the_night_reads_a_partners_file_only_to_have_it_parsed", NO_PARSER, LINKS),
        "more than its role allows": (f"{ATTEMPTS}::test_no_role_becomes_another", f"{READERS}::test_the_night_does_what_it_does",
                                      f"{ATTEMPTS}::test_a_programs_role_cannot_do_what_people_decide"),
    },
    "handback-verify": {
        "a change in the database": (*NO_CHANGE, f"{ATTEMPTS}::test_the_proof_is_read_as_the_role_that_reads"),
        "a checkpoint taken back": ("tests/hostile/test_checkpoint_file.py::test_nobody_of_ours_takes_one_back",
                                    "tests/ledger/test_checkpoints.py::test_a_chain_that_was_rewritten_is_found_and_never_signed"),
    },
    "handback-gate": {what: (f"{GATE}::test_a_gate_cannot", f"{GATE}::test_a_gate_that_cannot_be_locked_down_serves_nobody", LINKS)
                      for what in ("a database", "a key", "any file", "exec")},
    "handback-api": {"a stranger's byte": (LINKS, "tests/api/test_gate.py::test_bodies", "tests/api/test_gate.py::test_the_fence"),
                     "a table": ("tests/api/test_functions.py::test_its_role_reads_no_table",)},
    "handback-receive": {what: (f"{RECEIVE}::test_a_receiver_cannot", f"{RECEIVE}::test_a_receiver_that_cannot_be_locked_down_takes_nothing", LINKS)
                         for what in ("a database", "a key", "the network", "exec")},
    "handback-send": {what: (f"{SEND}::test_a_sender_cannot", f"{SEND}::test_a_sender_that_cannot_be_locked_down_sends_nothing", LINKS)
                      for what in ("a database", "another target's key", "any file", "a local socket", "exec")},
    "handback-outbox": {"the network": (LINKS, "tests/hostile/test_outbox_walls.py::test_it_opens_no_connection_but_the_databases"),
                        "a table": ("tests/hostile/test_outbox_walls.py::test_its_role_reads_no_table",),
                        "an answer's bytes": (LINKS, "tests/hostile/test_outbox_walls.py::test_a_sender_that_says_what_it_may_not_is_hung_up_on")},
    "handback-web": {**{what: (f"{WEB}::test_the_pages_face_cannot", f"{WEB}::test_the_pages_face_that_cannot_be_locked_down_serves_nobody", LINKS)
                        for what in ("a database", "any file", "exec")},
                     "a person's rights": (f"{WEB}::test_a_link_is_good_once_and_for_the_one_who_made_it",)},
    "handback-login": {**{what: (f"{WEB}::test_who_vouches_cannot", f"{WEB}::test_who_vouches_and_cannot_be_locked_down_serves_nobody")
                          for what in ("any file", "a second connection of the database", "exec")},
                       "a table": (f"{LOGIN}::test_its_role_makes_links_and_does_nothing_else",),
                       "a person who is none": (f"{LOGIN}::test_whom_nobody_knows_gets_no_link",)},
    "handback-try": {"parsing partner bytes": (LINKS,),
                     "a change that stays": ("tests/hostile/test_dry_runs.py::test_nothing_is_changed_and_nothing_is_kept",)},
    "handback-desk": {**{what: (f"{WEB}::test_a_desk_cannot", f"{WEB}::test_a_desk_that_cannot_be_locked_down_lets_nobody_in")
                         for what in ("a second connection", "any other file", "exec")},
                      "a stranger's HTTP": (LINKS, f"{WEB}::test_a_desk_takes_no_request_before_somebody_is_in")},
    "handbackctl": {"more than that": (f"{ATTEMPTS}::test_a_command_is_refused_to_every_other_role", f"{ATTEMPTS}::test_only_the_owner_migrates",
                                       f"{READERS}::test_who_writes_reads_by_no_other_role",
                                       "tests/hostile/test_root.py::test_root_is_the_services_user_before_it_touches_the_spool")},
}


def rows():
    """{program: the things of its column "never"}: what stands before the colon, one by one."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Who is trusted")[1].split("\n## ")[0]
    found = {}
    for line in table.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| `"):
            found[cells[0].strip("`")] = re.split(r", (?!in the same)", re.split(r"[:.;]| \(|, in the same", cells[-1])[0])
    return found


def test_each_never_of_the_table_is_tried():
    """A new row, and a new promise in one, needs an attempt here."""
    assert {program: set(nevers) for program, nevers in rows().items()} == {program: set(tried) for program, tried in NEVER.items()}


def test_who_tries_is_there():
    for program, tried in NEVER.items():
        for what, tests in tried.items():
            assert tests, f"{program}: {what}"
            for test in tests:
                path, name = test.split("::")
                assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.M), test
                assert path == FLOORS or any(n in path for n in ("hostile", "ledger", "/api/", "/web/", "_unit")), test


def test_each_program_that_is_installed_has_its_row():
    source = (ROOT / "lib/base/paths.c").read_text(encoding="utf-8")
    installed = set(re.findall(r'\{"(handback[\w-]*)", "[\w/]+", HANDBACK_', source))
    assert installed == set(rows())
