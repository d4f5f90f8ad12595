"""`waxwing bench delivery`: messages a minute through SendGrid's protocol, and the time from an event to acceptance.

Three processes: the vendor's server, delivery, and here the log's writer (and, for the live part, the contacts flow).
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Event as Signal
from pathlib import Path
from typing import Any

from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from flows.content.links import Links
from flows.content.template import compile_template, render
from flows.delivery.origin import Origin
from infra.bench import vendor
from infra.bench.latency import serving as folding
from infra.bench.result import Result, percentile
from schemas.ids import uuid5
from schemas.records import LEAD_MS, Entry, Event, Send, decode_send, encode
from schemas.topics import EVENTS, SENDS

PARTITIONS = 4
_WAIT_S = 60.0
_DEFINITIONS: list[dict[str, Any]] = [
    {
        "kind": "email_template",
        "id": "t",
        "class": "transactional",
        "subject": "Your order, {{ first_name | default('friend') }}",
        "html": "<h1>Thank you</h1>" + "<p>Line {{ first_name | default('friend') }} of a usual mail.</p>" * 20
        + '<p><a href="https://shop.example/orders">Your orders</a></p>',
    },
    {
        "kind": "journey",
        "id": "now",
        "class": "transactional",
        "reentry": {"mode": "always"},
        "nodes": [
            {"id": "in", "type": "trigger", "on": {"event": "go"}},
            {"id": "send", "type": "action", "do": "send", "channel": "email", "template": "t"},
            {"id": "out", "type": "exit", "reason": "done"},
        ],
        "edges": [{"from": "in", "to": "send"}, {"from": "send", "to": "out"}],
    },
]  # fmt: skip


def _provider(id: str, priority: int) -> dict[str, Any]:
    sender = {"email": "shop@shop.example", "name": "The Shop"}
    return {"kind": "provider", "id": id, "type": "sendgrid", "from": sender, "priority": priority}


def serve(folder: str, url: str, ready: Signal, stop: Signal) -> None:
    """The delivery role in a process of its own, until `stop`."""
    os.environ |= {
        "WAXWING_PROVIDER_URL_SENDGRID": url,
        "WAXWING_SECRET_GOOD": "good",
        "WAXWING_SECRET_BAD": vendor.FAILING,
    }
    from infra.roles.delivery import role
    from infra.settings import Settings

    settings = Settings(data=Path(folder), partitions=PARTITIONS, provider="real", _env_file=None)
    stopped = threading.Event()

    def follow() -> None:
        stop.wait()
        stopped.set()

    threading.Thread(target=follow, daemon=True).start()
    ready.set()
    role(settings, stopped)


@contextmanager
def delivering(folder: str, url: str) -> Iterator[None]:
    """Delivery running."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    child = context.Process(target=serve, args=(folder, url, ready, stop))
    child.start()
    ready.wait(_WAIT_S)
    try:
        yield
    finally:
        stop.set()
        child.join()


def delivery(messages: int = 20_000, rate: int = 500, seconds: int = 5) -> Result:
    """A backlog of `messages`, then `rate` events a second; each also with the first of two providers failing."""
    well, _ = _backlog(messages, ["good"])
    failing, stopped = _backlog(messages // 2, ["bad", "good"])
    taken = _live(rate, seconds, ["good"])
    taken_failing = _live(rate, seconds, ["bad", "good"])
    details = {
        "messages": messages,
        "per_min_one_provider_failing": round(failing * 60),
        "accepted_by_the_other": stopped,
        "live_rate_per_s": rate,
        "live_messages": len(taken),
        "p50_ms_one_provider_failing": round(percentile(taken_failing, 0.5), 1),
        "p99_ms_one_provider_failing": round(percentile(taken_failing, 0.99), 1),
        "renders_per_s": round(_renders()),
    }
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    return Result("delivery", round(well * 60), "messages/min", round(p50, 1), round(p99, 1), details)


def _renders(count: int = 3_000) -> float:
    """How often a second the message is made of its template, with its links, on one core."""
    template = compile_template(_DEFINITIONS[0], {})
    origin = Origin(uuid5("bench", 0), "contact-0", "email", "spring")
    began = time.perf_counter()
    for i in range(count):
        render(template, {"first_name": "Ann"}, "en", Links("https://m.example", b"k" * 32, origin, f"0:{i}", 0))
    return count / (time.perf_counter() - began)


def _prepared(folder: str, providers: Sequence[str]) -> SqliteLog:
    log = SqliteLog(Path(folder) / "log.db", partitions=PARTITIONS)
    bodies = _DEFINITIONS + [_provider(id, place) for place, id in enumerate(providers)]
    publish(CatalogueReader(log), bodies, by="bench")
    time.sleep(LEAD_MS / 1000 + 0.1)
    return log


def _backlog(messages: int, providers: Sequence[str]) -> tuple[float, int]:
    """Messages a second from the first to the last that was accepted, of those planned before; and how many."""
    with tempfile.TemporaryDirectory() as folder, vendor.serving() as server:
        log = _prepared(folder, providers)
        now = log.now()
        for start in range(0, messages, 5_000):
            log.append([_send(i, now) for i in range(start, min(start + 5_000, messages))])
        with delivering(folder, server.url):
            _until(lambda: server.count() >= messages)
        at = sorted(server.accepted().values())
        log.close()
    return len(at) / (at[-1] - at[0]), len(at)


def _send(i: int, now: int) -> Entry:
    contact = f"contact-{i}"
    send = Send(uuid5("bench", i), contact, now, now + 3_600_000, "email", to=f"{contact}@shop.example", template="t")
    send.template_version, send.campaign = 1, "spring"
    send.message_class, send.data = "transactional", {"first_name": "Ann"}
    return Entry(SENDS, contact, encode(send))


def _live(rate: int, seconds: int, providers: Sequence[str]) -> list[float]:
    """Milliseconds from just before each event's append to its message's acceptance."""
    with tempfile.TemporaryDirectory() as folder, vendor.serving() as server:
        log = _prepared(folder, providers)
        state = Path(folder) / "state"
        with folding(partial(SqliteLog, Path(folder) / "log.db", PARTITIONS), state), delivering(folder, server.url):
            begun = _happen(log, rate, seconds)
            _until(lambda: server.count() >= len(begun))
        accepted = server.accepted()
        sends = [decode_send(r.value) for p in range(PARTITIONS) for r in log.read(SENDS, p, 0, 1_000_000)]
        log.close()
    return [(accepted[s.id] - begun[s.contact]) * 1000 for s in sends if s.id in accepted]


def _happen(log: SqliteLog, rate: int, seconds: int) -> dict[str, float]:
    """A contact each, first with its address; when its event was appended."""
    total, now = rate * seconds, log.now()
    log.append(
        [_event(i, Event("identify", f"i{i}", now, traits={"email": f"c{i}@shop.example"})) for i in range(total)]
    )
    time.sleep(1)
    begun: dict[str, float] = {}
    start, sent = time.perf_counter(), 0
    while sent < total:
        due = min(total, int((time.perf_counter() - start) * rate) + 1)
        moment, now = time.time(), log.now()
        begun.update((f"contact-{i}", moment) for i in range(sent, due))
        if due > sent:
            log.append([_event(i, Event("track", f"go{i}", now, "go", received_at=now)) for i in range(sent, due)])
        sent = due
        time.sleep(0.001)
    return begun


def _event(i: int, event: Event) -> Entry:
    return Entry(EVENTS, f"contact-{i}", encode(event))


def _until(reached: Any) -> None:
    until = time.monotonic() + _WAIT_S
    while not reached():
        if time.monotonic() > until:
            raise RuntimeError(f"not all messages were accepted within {_WAIT_S} s")
        time.sleep(0.02)
