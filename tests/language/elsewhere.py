"""Clauses of LANGUAGE.md that no case of this package quotes: what holds them, or why nothing can."""

from __future__ import annotations

from typing import Final

HELD: Final[dict[str, str]] = {
    "The SQL side, the stream side, simulation and explain all follow it.": (
        "tests/flows/segments/test_differential.py::test_stream_batch_and_oracle_agree"
    ),
    "a later claim by another user is recorded and refused.": (
        "tests/language/test_effects.py::test_a_later_claim_is_recorded_and_refused"
    ),
    "What spans contacts has a key of its own in `events`": (
        "tests/language/test_effects.py::test_what_spans_contacts_is_told_by_records_and_counts_when_they_are_read"
    ),
    "Its fold tells the contacts concerned by records;": (
        "tests/language/test_effects.py::test_what_spans_contacts_is_told_by_records_and_counts_when_they_are_read"
    ),
    "what counts is when those are read.": (
        "tests/language/test_effects.py::test_what_spans_contacts_is_told_by_records_and_counts_when_they_are_read"
    ),
    "`verify` reports them.": "tests/api/test_verifier.py::test_what_differs_is_named_and_counted",
    "`score`: the model's last score in the fold;": (
        "tests/language/test_commands.py::test_a_score_is_the_models_last_and_missing_below_its_minimum"
    ),
    "missing below the model's minimum of data.": (
        "tests/language/test_commands.py::test_a_score_is_the_models_last_and_missing_below_its_minimum"
    ),
    "spread over `[0, 100)`": "tests/language/test_effects.py::test_contacts_are_spread_over_the_hundred",
    "and never carries marketing templates.": (
        "tests/flows/delivery/test_runner.py::test_what_cannot_go_is_skipped_with_its_reason"
    ),
    "a record in which `key` is missing enters nobody and is recorded.": (
        "tests/language/test_effects.py::test_a_record_without_its_key_is_recorded"
    ),
    "`goal_window` (30d) counts conversions of runs that ended before.": (
        "tests/language/test_effects.py::test_conversions_are_counted_for_thirty_days"
    ),
    "After a downtime sends may therefore be planned close together, and late": (
        "tests/language/test_effects.py::test_sends_after_a_downtime_carry_their_instants_and_when_they_expire"
    ),
    "is skipped as `expired`": "tests/flows/delivery/test_runner.py::test_what_is_too_late_is_skipped",
    "the earlier is skipped as `superseded`": (
        "tests/flows/delivery/test_runner.py::test_of_two_sends_of_a_run_that_both_wait_the_later_goes"
    ),
    "A FILE holds one definition or a list;": "tests/language/test_commands.py::test_a_file_holds_one_or_a_list",
    "references are looked up in it;": "tests/language/test_commands.py::test_a_file_holds_one_or_a_list",
    "`segment test --id ID` names the tested one (not needed for a single segment);": (
        "tests/language/test_commands.py::test_a_file_holds_one_or_a_list"
    ),
    '`--snapshots FILE` gives `{"id":[contact,…]}`.': (
        "tests/language/test_commands.py::test_snapshots_are_given_by_a_file"
    ),
    "`conformance/` beside this page holds cases in these forms": (
        "tests/conformance/test_segments.py::test_a_case_gives_what_it_expects"
    ),
    "`events.jsonl`;": "tests/conformance/test_journeys.py::test_a_case_gives_what_it_expects",
    "`expect.json`.": "tests/conformance/test_journeys.py::test_a_case_gives_what_it_expects",
}

SAYS_NOTHING: Final[dict[str, str]] = {
    "DESIGN §5 names the forms;": "it points elsewhere",
    "this page fixes what they mean.": "it says what the page is for",
    "They come from another product's tests, translated.": "it is about where files come from",
    "More of the kind exist than are shown.": "it is about files that are not there",
}
