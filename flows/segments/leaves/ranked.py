"""`percentile`, `rfm`: where the contact stands, as the ranking was last computed in batch."""

from __future__ import annotations

from typing import Any

from flows.contact.view import MISSING, ContactView
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.measures import compile_number
from flows.segments.ranking import MEASURES, percentile, quintile
from schemas.definitions import conditions as spec
from schemas.times import format_instant


class _Ranked(Leaf):
    """What both ask."""

    def __init__(self, leaf: spec.Percentile | spec.Rfm):
        self.ranking = leaf.ranking
        super().__init__(leaf_id(leaf), {f"ranking:{leaf.ranking}"})

    def explain(self, state: None, view: ContactView, at: int) -> dict[str, Any]:
        """The contact's percentiles and quintiles, when they were computed, and when they will be again."""
        ranking = view.ranking(self.ranking)
        if ranking is None:
            return {"computed": "in batch, not yet"}
        place = ranking.place(view.contact)
        told: dict[str, Any] = {
            "computed": "in batch",
            "computed_at": format_instant(ranking.at),
            "computed_next": format_instant(ranking.next),
            "ranked": ranking.ranked,
        }
        for measure, below in zip(MEASURES, place or (), strict=False):
            if below is not None:
                told[measure] = {
                    "percentile": percentile(below, ranking.ranked),
                    "quintile": quintile(below, ranking.ranked),
                }
        return told


class Percentile(_Ranked):
    """`percentile`: the share of those ranked who are below."""

    def __init__(self, leaf: spec.Percentile):
        super().__init__(leaf)
        self.place, self.test = MEASURES.index(leaf.by), compile_number(leaf.comparison)

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether it fits."""
        ranking = view.ranking(self.ranking)
        place = ranking.place(view.contact) if ranking else None
        below = place[self.place] if place else None
        return self.test(MISSING if below is None or ranking is None else percentile(below, ranking.ranked))


class Rfm(_Ranked):
    """`rfm`: quintiles of those ranked."""

    def __init__(self, leaf: spec.Rfm):
        super().__init__(leaf)
        asked = ((i, getattr(leaf, measure)) for i, measure in enumerate(MEASURES))
        self.tests = tuple((i, compile_number(comparison)) for i, comparison in asked if comparison is not None)

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether all fit."""
        ranking = view.ranking(self.ranking)
        place = ranking.place(view.contact) if ranking else None
        if ranking is None or place is None:
            return False
        return all((below := place[i]) is not None and test(quintile(below, ranking.ranked)) for i, test in self.tests)
