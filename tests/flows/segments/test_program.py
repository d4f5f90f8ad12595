"""Programs: any tree of and, or, not gives the truth of its leaves, at any depth."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flows.segments.program import compile_condition
from schemas.definitions.conditions import parse_condition
from tests.flows.segments.seen import Seen

LETTERS = "abcd"
ONE = st.sampled_from([{"segment": letter} for letter in LETTERS])
TREES = st.recursive(
    ONE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: {"and": parts}),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=20,
)


def truth(tree: dict[str, Any], members: frozenset[str]) -> bool:
    match tree:
        case {"and": parts}:
            return all(truth(p, members) for p in parts)
        case {"or": parts}:
            return any(truth(p, members) for p in parts)
        case {"not": part}:
            return not truth(part, members)
    return tree["segment"] in members


@given(TREES, st.frozensets(st.sampled_from(LETTERS)))
def test_a_program_is_as_true_as_its_tree(tree: dict[str, Any], members: frozenset[str]) -> None:
    program = compile_condition(parse_condition(tree))
    assert program.holds({}, Seen(segments=members), 0) is truth(tree, members)


def test_five_thousand_levels_need_no_recursion() -> None:
    tree: dict[str, Any] = {"segment": "a"}
    for _ in range(5_000):
        tree = {"or": [{"not": {"and": [tree, {"everyone": True}]}}]}
    program = compile_condition(parse_condition(tree))
    assert program.holds({}, Seen(segments={"a"}), 0)
    assert not program.holds({}, Seen(), 0)


def test_a_leaf_that_stands_twice_is_one_leaf() -> None:
    program = compile_condition(parse_condition({"or": [{"performed": "a"}, {"and": [{"performed": "a"}]}]}))
    assert len(program.leaves) == 1
