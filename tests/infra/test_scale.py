"""The plan on paper: its arithmetic, and that the page shows what the command prints."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from infra.cli import app
from infra.scale import Figures, plan

PAGE = Path(__file__).resolve().parents[2] / "infra" / "scale.md"
ROUND = Figures(
    folded_per_s=30_000,
    loaded_per_s=100_000,
    contact_bytes=1_000,
    memory_bytes=2_000,
    effects_per_event=1.0,
    event_bytes=100.0,
    effect_bytes=100.0,
    clickhouse_bytes=100.0,
    rows_per_s=60_000,
    messages_per_min=60_000,
    ingested_per_s=50_000,
)


def test_round_figures_give_what_is_counted_by_hand() -> None:
    needs = plan(2_000_000, 20_000, 0.1, retention_days=10, copies=3, network_mb_s=100, f=ROUND)
    assert {need.what: need.how_much for need in needs} == {
        "workers of the fold": "1",  # 20,000 × 1.5 = 30,000
        "partitions of events": "4",
        "contacts a worker": "2,000,000",
        "memory a worker": "4.0 GB",
        "disk a worker": "4.0 GB",
        "restart, own disk": "20 s",
        "restart, from a copy": "40 s",  # 2,000 MB at 100 MB/s, and 20 s
        "catching up a minute": "120 s",  # 1,200,000 events with 10,000 events/s to spare
        "with one worker lost": "0% of the rate",
        "API processes": "1",
        "warehouse workers": "1",  # 40,000 rows/s × 1.5 = 60,000
        "delivery workers": "3",  # 2,000 sends/s × 60 × 1.5 = 180,000 a minute
        "Kafka": "10.4 TB",  # 4 MB/s × 864,000 s × 3
        "ClickHouse": "63 TB a year",  # 2 MB/s × 31,536,000 s
    }


def test_the_page_shows_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["scale"]).stdout
    assert printed.strip() in PAGE.read_text("utf-8")


def test_every_number_of_people_gets_a_worker() -> None:
    assert plan(1, 1)[0].how_much == "1"
