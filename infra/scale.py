"""How large an installation has to be: arithmetic over figures that `waxwing bench` prints. Pure.

    waxwing scale --contacts 10000000 --rate 100000

The figures are those of one core of the machine on which README's were measured; yours may differ, so measure, and
change them here.
"""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

GB: Final = 10**9
DAY_S: Final = 86_400
SPARE: Final = 1.5  # so much more than the mean: peaks, and catching up after a loss


class Figures(NamedTuple):
    """What one worker, one event and one contact take; beside each the command that prints it."""

    folded_per_s: int = 31_700  # waxwing bench pipeline
    loaded_per_s: int = 250_000  # waxwing bench latency: contacts / restart_s
    contact_bytes: int = 769  # waxwing bench storage: state_bytes_per_contact
    memory_bytes: int = 895  # waxwing bench storage: memory_bytes_per_contact
    effects_per_event: float = 1.53  # waxwing bench storage
    event_bytes: float = 181.0  # waxwing bench storage: log_bytes_per_event
    effect_bytes: float = 284.0  # waxwing bench storage: effect_bytes_per_event
    clickhouse_bytes: float = 246.0  # waxwing bench storage: value
    rows_per_s: int = 139_000  # waxwing bench storage: clickhouse_rows_per_s
    messages_per_min: int = 287_000  # waxwing bench delivery
    ingested_per_s: int = 112_000  # waxwing bench ingest, two cores with its clients


class Need(NamedTuple):
    """One line of the plan."""

    what: str
    how_much: str
    why: str


def plan(
    contacts: int,
    rate: int,
    sends_per_event: float = 0.01,
    retention_days: int = 14,
    copies: int = 3,
    network_mb_s: int = 100,
    f: Figures = Figures(),
) -> list[Need]:
    """What `contacts` people and `rate` events a second ask for.

    `retention_days` and `copies` are the Kafka topics'; `network_mb_s` is how fast a worker fetches a copy of a state.
    """
    workers = ceil(rate * SPARE / f.folded_per_s)
    partitions = 4 * workers
    own = contacts / workers
    rows = rate * (1 + f.effects_per_event)
    sends = rate * sends_per_event
    log_bytes = rate * (f.event_bytes + f.effect_bytes)
    state_mb = own * f.contact_bytes / 1e6
    spare_rate = workers * f.folded_per_s - rate
    lost = workers - 1
    return [
        Need("workers of the fold", f"{workers}", f"{rate:,} events/s × {SPARE} / {f.folded_per_s:,} a core"),
        Need("partitions of events", f"{partitions}", "4 a worker: room to grow fourfold without a new key layout"),
        Need("contacts a worker", f"{own:,.0f}", f"{contacts:,} / {workers}"),
        Need("memory a worker", f"{own * f.memory_bytes / GB:,.1f} GB", f"{f.memory_bytes} bytes a contact, in memory"),
        Need("disk a worker", f"{2 * state_mb / 1e3:,.1f} GB", f"{f.contact_bytes} bytes a contact, twice: compaction"),
        Need("restart, own disk", f"{own / f.loaded_per_s:,.0f} s", f"{f.loaded_per_s:,} contacts/s are loaded"),
        Need(
            "restart, from a copy",
            f"{own / f.loaded_per_s + state_mb / network_mb_s:,.0f} s",
            f"{state_mb:,.0f} MB at {network_mb_s} MB/s, then loaded",
        ),
        Need(
            "catching up a minute",
            f"{60 * rate / spare_rate:,.0f} s" if spare_rate > 0 else "never",
            f"{60 * rate:,} events with {spare_rate:,} events/s to spare",
        ),
        Need(
            "with one worker lost",
            f"{lost * f.folded_per_s / rate:.0%} of the rate",
            f"{lost} × {f.folded_per_s:,} events/s",
        ),
        Need("API processes", f"{ceil(rate * SPARE / f.ingested_per_s)}", f"{f.ingested_per_s:,} events/s each"),
        Need(
            "warehouse workers",
            f"{ceil(rows * SPARE / f.rows_per_s)}",
            f"{rows:,.0f} rows/s (1 + {f.effects_per_event} an event) / {f.rows_per_s:,}",
        ),
        Need(
            "delivery workers",
            f"{ceil(sends * 60 * SPARE / f.messages_per_min)}",
            f"{sends:,.0f} sends/s / {f.messages_per_min:,} a minute",
        ),
        Need(
            "Kafka",
            f"{log_bytes * DAY_S * retention_days * copies / 1e12:,.1f} TB",
            f"{log_bytes / 1e6:,.1f} MB/s × {retention_days} days × {copies} copies, before compression",
        ),
        Need(
            "ClickHouse",
            f"{rate * f.clickhouse_bytes * DAY_S * 365 / 1e12:,.0f} TB a year",
            f"{rate * f.clickhouse_bytes * DAY_S / 1e12:,.2f} TB a day, {f.clickhouse_bytes:.0f} bytes an event",
        ),
    ]


def table(needs: list[Need]) -> str:
    """The plan as Markdown."""
    lines = ["| what | how much | from |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {n.what} | {n.how_much} | {n.why} |" for n in needs)])
