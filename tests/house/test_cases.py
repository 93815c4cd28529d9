"""Cases of money that were wrong once, or were for somebody in this trade: each with the tests that hold its answer.

As a program it prints the list. A case is a letter and number, what happens, what has to come of it, and where that is tested."""
import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

CASES = (
    # what a file is
    ("F1", "a partner's file lies in another's directory, is refused and closed, and comes to its own", "posted",
     "engine/test_identity.py::test_f1_a_file_in_the_wrong_directory_is_posted_in_its_own"),
    ("F2", "a file under a name that fits nothing, and then under its right one", "posted",
     "engine/test_identity.py::test_f2_a_file_under_a_wrong_name_is_posted_under_the_right_one"),
    ("F3", "another partner delivers the same bytes first", "each is decided for its own partner",
     "engine/test_identity.py::test_f3_bytes_that_another_partner_delivered_first_are_posted_for_their_own"),
    ("F4", "the same, where silence confirms: what the file rejects", "reversed, and never confirmed by silence",
     "engine/test_identity.py::test_f4_what_was_rejected_is_never_confirmed_by_silence"),
    ("F5", "a file that its profile misread, again after the profile is right and the hold closed", "posted",
     "engine/test_identity.py::test_f5_after_the_profile_is_corrected_and_the_hold_closed_the_same_bytes_are_posted"),
    ("F6", "yes, no, and yes again in the very bytes of the first, under numbers of their own", "a contradiction, held",
     "engine/test_identity.py::test_f6_an_answer_that_is_taken_back_twice_is_a_contradiction"),
    ("F7", "a file with nothing in it each day, the day in its name alone", "has come each day",
     "engine/test_identity.py::test_f7_files_with_nothing_in_them_came_each_day"),
    ("F8", "a release whose copy is lost, and the bytes come again", "the release takes them",
     "engine/test_identity.py::test_f8_a_release_whose_copy_is_lost_takes_the_one_that_comes_again",
     "engine/test_identity.py::test_a_release_that_cannot_go_is_withdrawn_by_two_people"),
    ("F9", "numbers that begin again with each year, month or day, or after their highest", "each period by itself",
     "engine/test_periods.py::test_f9_numbers_begin_again_each_period", "engine/test_periods.py::test_after_9999_comes_1",
     "engine/test_periods.py::test_f9_a_later_period_is_newer_and_an_earlier_one_is_older"),
    ("F10", "a number far below the last rejects what the last confirmed", "held, never only noted",
     "engine/test_order.py::test_f10_a_number_that_begins_again_and_rejects_is_held"),
    ("F11", "a mistyped number, and the right one after it", "the mistyped one is held, and measures nothing",
     "engine/test_order.py::test_f11_a_mistyped_number_is_held_and_measures_nothing"),
    ("F12", "a partner whose first file has a number above 1", "by the profile, or by two people once",
     "engine/test_order.py::test_f12_a_partner_that_begins_with_another_number",
     "engine/test_periods.py::test_a_partner_begins_with_its_first_and_each_period_with_1_or_0"),
    ("F13", "a late file of last week, the day before one is due", "counts by the day that it states",
     "engine/test_due_times.py::test_f13_a_file_counts_by_the_day_that_it_states"),
    # which redemption a record means
    ("R1", "our reference is unknown, and a weaker key would fit another redemption", "unknown, with what it would fit",
     "engine/test_match.py::test_a_stated_reference_that_is_unknown_is_never_left_to_a_weaker_key"),
    ("R2", "the same of the UUID", "unknown, with what it would fit",
     "engine/test_match.py::test_a_stated_reference_that_is_unknown_is_never_left_to_a_weaker_key",
     "engine/test_match.py::test_no_order_of_the_keys_lets_one_without_a_reference_overrule_one"),
    ("R3", "a reject whose redemption comes later with other points", "a mismatch, with both, that never expires",
     "engine/test_rematch.py::test_what_turns_up_and_does_not_fit_is_held_for_its_true_reason_and_never_expires"),
    ("R4", "a reject whose redemption another file confirmed meanwhile", "a contradiction that never expires",
     "engine/test_rematch.py::test_what_turns_up_and_was_confirmed_meanwhile_is_a_contradiction_and_never_expires"),
    ("R5", "wrong points today, the right record tomorrow", "the hold of today is overtaken",
     "engine/test_overtaken.py::test_the_right_record_of_tomorrow_ends_the_hold_of_today"),
    ("R6", "one record, one reject: a share of all", "a least number, below which no share counts",
     "engine/test_guard.py::test_one_reject_of_one_record_is_no_share", "engine/test_guard.py::test_few_are_never_too_great_a_share_of_the_open_items"),
    ("R7", "a placeholder instead of every reference", "one hold of the file",
     "engine/test_guard.py::test_a_file_in_which_nothing_matches_is_one_hold_and_not_one_for_each_record"),
    ("R8", "a key without a reference that fits one open redemption and one long confirmed", "the open one",
     "engine/test_match.py::test_open_redemptions_come_first_for_a_key_without_a_reference"),
    ("R9", "one reference in two programmes, and the record names one", "that programme's",
     "engine/test_match.py::test_the_records_programme_takes_part"),
    ("R10", "texts that differ in what cannot be seen", "says what differs",
     "engine/test_match.py::test_a_mismatch_says_what_cannot_be_seen"),
    ("R11", "the ledger refuses one reversal of a file", "one hold with its words, the rest posted; of many the file is held",
     "engine/test_decide.py::test_what_the_ledger_refuses_is_held_and_the_rest_posted",
     "engine/test_decide.py::test_a_ledger_that_refuses_many_holds_the_file"),
    # people and programs
    ("U1", "a word for a filter that there is not", "refused, with the nearest",
     "engine/test_people.py::test_what_is_refused_is_said_in_our_words"),
    ("U2", "a long list in a pipe", "all of it", "engine/test_deemed.py::test_nothing_is_cut_for_programs",
     "daemon/test_ctl.py::test_a_pipe_gets_everything"),
    ("U3", "what the database refuses of a person", "in our words", "engine/test_people.py::test_what_is_refused_is_said_in_our_words"),
    ("U4", "a source whose profile is not there, or does not compile", "told when the configuration is checked",
     "daemon/test_daemon.py::test_command_line"),
    ("U5", "the same redemption asked for twice under one key", "one debit", "api/test_functions.py::test_a_key_has_one_effect"),
    ("U6", "a merchant of blanks or a megabyte, a type that there is not", "refused by the contract's codes",
     "api/test_functions.py::test_codes_and_their_order", "ledger/test_ledger.py::test_redeem_refused"),
    ("U7", "a record decided onto a redemption that differs", "said again, kept, and shown to the approver",
     "engine/test_decisions.py::test_a_difference_is_said_again_kept_and_shown_to_the_approver",
     "engine/test_decisions.py::test_a_redemption_of_another_programme_is_refused"),
    ("U8", "a file that is packed, under a plain name", "told as what it is, with what to do",
     "profile/test_container.py::test_what_is_packed_under_a_plain_name_is_told_as_what_it_is"),
    # ways in
    ("W1", "GnuPG's agent cannot start, or our key file is cut: a good encrypted file", "waits, and is posted when it can be",
     "daemon/test_decrypt.py::test_w1_without_its_agent_nothing_is_said_of_the_file", "daemon/test_decrypt.py::test_w1_a_cut_key_is_ours",
     "daemon/test_decrypt.py::test_w1_a_good_file_waits_for_an_agent_that_cannot_start"),
    ("W2", "two messages, one behind the other", "refused", "daemon/test_decrypt.py::test_one_message_and_nothing_besides_it"),
    ("W3", "text before or behind a message", "refused", "daemon/test_decrypt.py::test_one_message_and_nothing_besides_it",
     "daemon/test_decrypt.py::test_a_clearsigned_file_is_one_message_too"),
    ("W8", "a file signed by our own key", "refused", "daemon/test_decrypt.py::test_w8_our_own_signature_is_nobodys"),
    ("W10", "whichever process of the decrypter is killed", "no agent and no key stays",
     "daemon/test_decrypt.py::test_w10_takes_everything_with_it_when_it_is"),
    ("W11", "hidden recipients without end", "held after some tries", "daemon/test_decrypt.py::test_a_file_that_has_no_end_is_held_after_some_tries"),
)


def functions_of(path):
    return {node.name for node in ast.walk(ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_each_case_has_its_test(case):
    for where in case[3:]:
        path, name = where.split("::")
        assert name in functions_of(path), f"{case[0]}: {where} is not there"


def test_the_numbers_are_whole():
    """Each letter's cases from 1 on, in order: none is left out."""
    for letter in "FRU":
        numbers = [int(case[0][1:]) for case in CASES if case[0][0] == letter]
        assert numbers == list(range(1, len(numbers) + 1)), letter


def test_a_test_that_names_a_case_is_listed_with_it():
    listed = {where.split("::")[1]: case[0] for case in CASES for where in case[3:]}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in functions_of(path.relative_to(ROOT / "tests")):
            number = re.match(r"test_([fruw]\d+)_", name)
            assert number is None or listed.get(name, "").lower() == number[1], name


if __name__ == "__main__":
    for number, what, answer, *where in CASES:
        print(f"{number:4} {what}\n     {answer}: {', '.join(where)}")
