"""Makes the dashboard: `python -m infra.grafana.make > infra/grafana/dashboards/waxwing.json`.

A panel is one line below: its title, its unit, and what it draws. Names of metrics are checked by a test.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

WIDTH: Final = 24  # Grafana's columns
HEIGHT: Final = 8
SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}


class Line(NamedTuple):
    """A query in PromQL, and how its lines are called: `{{label}}`."""

    query: str
    legend: str


class Panel(NamedTuple):
    """`kind` is Grafana's `timeseries` or `stat`; `unit` one of its units; `width` of WIDTH columns."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    width: int = 8
    kind: str = "timeseries"


def stat(title: str, unit: str, query: str) -> Panel:
    """One number."""
    return Panel(title, unit, (Line(query, ""),), 4, "stat")


def graph(title: str, unit: str, *lines: tuple[str, str]) -> Panel:
    """Lines over time: (query, legend) each."""
    return Panel(title, unit, tuple(Line(*line) for line in lines))


def quantile(q: float, name: str) -> str:
    """A quantile of a histogram, over 5 minutes."""
    return f"histogram_quantile({q}, sum by (le) (rate({name}_bucket[5m])))"


ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Now": (
        stat("Roles up", "none", 'sum(up{job="waxwing"})'),
        stat("Events folded", "ops", "sum(rate(waxwing_contacts_records_total[1m]))"),
        stat("Fold lag", "none", "sum(waxwing_contacts_lag)"),
        stat("ClickHouse behind", "s", "max(waxwing_watermark_age_seconds)"),
        stat("Unknown sends, 24 h", "none", 'sum(increase(waxwing_delivery_attempts_total{status="unknown"}[24h]))'),
        stat("Verify mismatches", "none", "sum(waxwing_verify_mismatches)"),
    ),
    "What comes in": (
        graph("Events over HTTP", "ops", ("sum by (call) (rate(waxwing_events_received_total[1m]))", "{{call}}")),
        graph(
            "From body to durable",
            "s",
            (quantile(0.5, "waxwing_ingest_append_seconds"), "p50"),
            (quantile(0.99, "waxwing_ingest_append_seconds"), "p99"),
        ),
        graph(
            "The CRM's changes",
            "ops",
            ("rate(waxwing_crm_records_total[1m])", "read"),
            ("sum by (topic) (rate(waxwing_crm_entries_total[1m]))", "to {{topic}}"),
        ),
        graph(
            "Set aside",
            "ops",
            ("sum by (call) (rate(waxwing_events_set_aside_total[5m]))", "HTTP {{call}}"),
            ('sum(rate(waxwing_crm_entries_total{topic="dead_letters"}[5m]))', "CRM"),
            ("sum by (table) (rate(waxwing_warehouse_refused_total[5m]))", "ClickHouse {{table}}"),
        ),
        graph("Dead letters in all", "none", ('max(waxwing_log_end{topic="dead_letters"})', "dead letters")),
        graph(
            "Providers' webhooks",
            "ops",
            ("sum by (provider, fate) (rate(waxwing_hook_rows_total[5m]))", "{{provider}} {{fate}}"),
        ),
    ),
    "The fold": (
        graph(
            "Records folded", "ops", ("sum by (partition) (rate(waxwing_contacts_records_total[1m]))", "{{partition}}")
        ),
        graph("Lag", "none", ("sum by (partition) (waxwing_contacts_lag)", "{{partition}}")),
        graph("Busy", "percentunit", ("rate(waxwing_contacts_fold_seconds_sum[1m]) > 0", "{{instance}}")),
        graph("States wait to be saved", "s", ("waxwing_contacts_checkpoint_age_seconds", "{{partition}}")),
        graph(
            "Timers",
            "none",
            ("sum(waxwing_contacts_timers_pending)", "pending"),
            ("sum(rate(waxwing_contacts_timers_fired_total[1m]))", "fired a second"),
        ),
        graph(
            "Contacts",
            "none",
            ("sum(waxwing_contacts_held)", "held"),
            ("sum(waxwing_contacts_unsaved)", "to be saved"),
            ("sum(rate(waxwing_contacts_duplicates_total[5m]))", "duplicate records a second"),
        ),
    ),
    "Delivery": (
        graph("Ledger", "ops", ("sum by (status) (rate(waxwing_delivery_attempts_total[1m]))", "{{status}}")),
        graph(
            "Accepted",
            "ops",
            ('sum by (provider) (rate(waxwing_delivery_attempts_total{status="accepted"}[1m]))', "{{provider}}"),
        ),
        graph("Stopped providers", "none", ("waxwing_provider_stopped", "{{provider}}")),
    ),
    "The log and ClickHouse": (
        graph(
            "Groups behind",
            "none",
            ("sum by (group, topic) (max by (group, topic, partition) (waxwing_log_lag))", "{{group}} in {{topic}}"),
        ),
        graph(
            "Appended", "ops", ("sum by (topic) (max by (topic, partition) (deriv(waxwing_log_end[5m])))", "{{topic}}")
        ),
        graph("Rows written", "ops", ("sum by (table) (rate(waxwing_warehouse_rows_total[1m]))", "{{table}}")),
        graph(
            "Behind the log's clock",
            "s",
            ("max(waxwing_watermark_age_seconds)", "ClickHouse"),
            ("time() - (max(waxwing_verify_instant_seconds) > 0)", "verified"),
        ),
        graph(
            "Verify",
            "none",
            ("sum by (segment) (waxwing_verify_mismatches)", "{{segment}} differs"),
            ("max(waxwing_verify_young_segments)", "too young"),
            ("max(waxwing_verify_failed_segments)", "failed"),
        ),
        graph(
            "ClickHouse takes rows; hydration",
            "none",
            ("max(waxwing_warehouse_up)", "up"),
            ("max(waxwing_hydration_warming)", "versions that warm up"),
        ),
    ),
    "Processes": (
        graph("CPU", "percentunit", ('rate(process_cpu_seconds_total{job="waxwing"}[1m])', "{{instance}}")),
        graph("Memory", "bytes", ('process_resident_memory_bytes{job="waxwing"}', "{{instance}}")),
        graph("Open files", "none", ('process_open_fds{job="waxwing"}', "{{instance}}")),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard in Grafana's JSON model."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": _place(0, y, WIDTH, 1)})
        x, y = 0, y + 1
        for panel in row:
            if x + panel.width > WIDTH:
                x, y = 0, y + HEIGHT
            panels.append(_panel(len(panels) + 1, panel, _place(x, y, panel.width, HEIGHT)))
            x += panel.width
        y += HEIGHT
    return {
        "uid": "waxwing",
        "title": "Waxwing",
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "panels": panels,
    }


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(id: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": line.query, "legendFormat": line.legend}
        for n, line in enumerate(panel.lines)
    ]
    return {
        "id": id,
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=1))
