"""The live table of `waxwing run`: what the summary says, drawn once a second in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


def draw(summary: Mapping[str, Any], rate: float, address: str) -> Group:
    """One picture of the summary of DESIGN §7; `rate` is events a second since the last picture."""
    return Group(_headline(summary, rate, address), _columns(summary))


def _headline(summary: Mapping[str, Any], rate: float, address: str) -> Panel:
    age = summary.get("watermark_age_ms")
    fresh = "no data yet" if age is None else f"{age / 1000:.1f} s behind"
    line = Text.assemble(
        (f"{summary.get('events', 0):,}", "bold"), " events  ",
        (f"{rate:,.0f}/s", "bold"), "   ",
        (f"{summary.get('contacts', 0):,}", "bold"), " contacts   ",
        (fresh, "bold"), "   dead letters ", (f"{summary.get('dead_letters', 0):,}", "bold"),
    )  # fmt: skip
    return Panel(line, title="Waxwing", subtitle=f"{address}/docs   Ctrl-C ends")


def _columns(summary: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 3))
    grid.add_row(
        _pairs("Segment", "members", {k: v["members"] for k, v in summary.get("segments", {}).items()}),
        _journeys(summary.get("journeys", {})),
        _pairs("Messages", "", summary.get("messages", {})),
        _revenue(summary.get("revenue_minor", {})),
    )
    return grid


def _pairs(title: str, unit: str, values: Mapping[str, int]) -> Table:
    table = Table(title, unit, box=None)
    table.columns[1].justify = "right"
    for name, value in values.items():
        table.add_row(name, f"{value:,}")
    return table


def _journeys(journeys: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("Journey", "entered", "active", "completed", "exited", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, run in journeys.items():
        table.add_row(name, *(f"{run.get(k, 0):,}" for k in ("entered", "active", "completed", "exited")))
    return table


def _revenue(revenue: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("Campaign", "revenue", box=None)
    table.columns[1].justify = "right"
    for campaign, amounts in revenue.items():
        for currency, minor in amounts.items():
            table.add_row(campaign or "(none)", f"{minor / 100:,.2f} {currency}")
    return table
