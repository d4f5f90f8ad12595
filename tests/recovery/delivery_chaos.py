"""Chaos of delivery: kill -9 at every await point, by a vendor that refuses, hangs, is slow or busy, fails, cuts lines.

python -m tests.recovery.delivery_chaos KILLS [SEED]      prints the verdict of a run

Two accounts of one vendor, and webhooks as the channel to fall back to. What the vendor accepted is the judge. The log
is SQLite's, or a cluster's on Kafka.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Literal, get_args

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from flows.delivery.origin import origin_of
from flows.delivery.outcomes import ProviderEvent, settling_entries
from flows.delivery.runner import GROUP
from schemas.ids import uuid5
from schemas.records import Definition, Entry, Fallback, Send, encode
from schemas.topics import SENDS
from tests.recovery.delivery_judge import DeliveryVerdict, judge_delivery
from tests.recovery.delivery_worker import PARTITIONS
from tests.recovery.driver import ROOT, pause
from tests.sinks.providers.sendgrid_server import HOOK, REFUSED, Mode, SendGridServer

_LOG = logging.getLogger(__name__)
POINTS: Final = {  # every await of a hand-over, and the chance to die each time
    "delivery_read": 0.5,
    "delivery_followed": 0.5,
    "delivery_admitted": 0.05,
    "delivery_writes": 0.1,  # before and after each append, and when the ledger's fold has it
    "delivery_wrote": 0.1,
    "delivery_noted": 0.1,
    "delivery_started": 0.05,
    "delivery_connected": 0.05,
    "die": 1.0,  # the vendor kills: it has the request, and has accepted it or not
    "die_accepted": 1.0,
    "delivery_answered": 0.05,
    "delivery_retries": 0.3,
    "delivery_goes_elsewhere": 0.3,
    "delivery_looks_up": 0.5,
    "delivery_looked_up": 0.5,
    "delivery_fell_back": 0.3,
    "delivery_ended": 0.05,
    "delivery_saved": 0.5,
    "delivery_told": 1.0,  # a webhook's fact is on the log, the ledger does not know
}
FIRST, SECOND, SECRET = "SG.first", "SG.second", "hush"
EACH: Final = 40  # sends of a life
Class = Literal["marketing", "transactional"]
_FAULTS: Final[tuple[int | Mode, ...]] = ("slow", "hang", "cut", "swallow", "drop", "busy", 503, 500, 502)
_LIFE_S: Final = 120.0
_SETTLED_S: Final = 180.0


class Vendor:
    """The server in a thread of its own."""

    def __init__(self) -> None:
        self.server = SendGridServer()
        self.server.keys = {FIRST, SECOND}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vendor")
        self._thread.start()
        self.call(self.server.listen())

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it there, and wait for its end."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    @property
    def mail(self) -> list[str]:
        """The sends whose messages it accepted, each as often as it did."""
        return [body["personalizations"][0]["custom_args"]["send"] for body in list(self.server.accepted)]

    def close(self) -> None:
        """End it, also what hangs."""
        self.call(self.server.refuse())
        self.call(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ended(self) -> None:
        """What serves the connections that were cut ends; in the loop's next turns their sockets are closed."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.gather(*tasks)
        for _ in range(3):
            await asyncio.sleep(0)


class DeliveryChaos:
    """One run in a folder. `deaths` says how often the process died where."""

    def __init__(self, folder: Path, seed: int = 1, cluster: KafkaConfig | None = None):
        self.folder, self.rng = folder, random.Random(seed)
        self.vendor, self._cluster = Vendor(), cluster
        self.log: Log = KafkaLog(cluster, PARTITIONS) if cluster else SqliteLog(folder / "log.db", PARTITIONS)
        self.deaths: Counter[str] = Counter()
        self.sends: dict[str, Send] = {}
        self._told = 0
        self.log.append([_published(body) for body in self._definitions()])

    def _definitions(self) -> list[dict[str, Any]]:
        mail = {"kind": "email_template", "subject": "Hi", "html": "<p>Hi {{ name }}</p>"}
        sender = {"email": "shop@shop.example"}
        account = {"kind": "provider", "type": "sendgrid", "from": sender}
        hook = {"kind": "provider", "type": "webhook", "id": "hook", "url": self.vendor.server.url + HOOK}
        return [
            mail | {"id": "marketing", "class": "marketing"},
            mail | {"id": "transactional", "class": "transactional"},
            account | {"id": "first", "priority": 1},
            account | {"id": "second", "priority": 2},
            hook,
        ]

    def go(self, kills: int) -> DeliveryVerdict:
        """Die so often, point after point; let it come to rest; judge."""
        try:
            for n in range(kills):
                self.one_life(list(POINTS)[n % len(POINTS)])
            self.settle()
            return self.judged()
        finally:
            self.vendor.close()
            self.log.close()

    def judged(self) -> DeliveryVerdict:
        """What the vendor and the log say now."""
        return judge_delivery(self.log, self.vendor.mail, list(self.vendor.server.hooks))

    def plan(self, count: int) -> None:
        """Sends of both classes; of ten one is refused its address and goes on as a webhook, one cannot be rendered."""
        sends = [self._send(len(self.sends) + n) for n in range(count)]
        self.sends |= {send.id: send for send in sends}
        self.log.append([Entry(SENDS, send.contact, encode(send)) for send in sends])

    def _send(self, n: int) -> Send:
        kind: Class = self.rng.choice(("marketing", "transactional"))
        contact = f"c{n}"
        send = Send(uuid5("chaos", n), contact, self.log.now(), 1 << 52, "email", template=kind, template_version=1)
        send.to, send.message_class, send.data = f"{contact}@shop.example", kind, {"name": "Ann"} if n % 10 else {}
        if n % 10 == 5:
            send.to, send.channels = f"{contact}@{REFUSED}", ["webhook"]
            send.fallback = [Fallback("webhook", data={"name": "Ann"})]
        return send

    def one_life(self, point: str) -> None:
        """From a start to the death at this point, with the vendor in some mood."""
        self._refuse(0)  # what the dead one had asked and the vendor not read
        self.plan(EACH)
        self.report()
        server = self.vendor.server
        server.connections = 0
        self._mood(point)
        worker = self._start("" if point in get_args(Mode) else point)
        server.kill = worker.kill
        try:
            self._until_dead(worker, point)
        finally:
            server.kill = lambda: None
            worker.kill()
            worker.wait()
        self.deaths[point] += 1
        _LOG.info("died at %s, %d sends", point, len(self.sends))

    def _mood(self, point: str) -> None:
        """The first account fails in bursts, the second now and then; what the point needs comes first."""
        burst = deque[int | Mode]([self.rng.choice(_FAULTS)] * self.rng.randrange(1, 12))
        now_and_then: list[int | Mode] = [
            self.rng.choice(_FAULTS) if self.rng.random() < 0.1 else 202 for _ in range(EACH)
        ]
        if point in get_args(Mode):
            die: Mode = "die" if point == "die" else "die_accepted"
            burst.insert(self.rng.randrange(3), die)
            now_and_then.insert(self.rng.randrange(3), die)
        elif point in ("delivery_looks_up", "delivery_looked_up", "delivery_told"):
            now_and_then = ["cut", 202, "drop", 202, "swallow", 202] * (EACH // 6)  # marketing too, which goes last
            burst = deque(now_and_then)
        elif point in ("delivery_goes_elsewhere", "delivery_retries"):
            burst = deque([503, "busy", 503])
            now_and_then = [503] * 3 if point == "delivery_retries" else now_and_then
        self.vendor.server.of_key = {FIRST: burst, SECOND: deque(now_and_then)}

    def _until_dead(self, worker: subprocess.Popen[bytes], point: str) -> None:
        deadline, planned_at = time.monotonic() + _LIFE_S, time.monotonic()
        refuses = self.rng.random() < 0.3
        while worker.poll() is None:
            if time.monotonic() > deadline:
                stands = f"{dict(self.judged().standings)}, {len(self.vendor.mail)} accepted"
                raise AssertionError(f"alive after {_LIFE_S:g} s, was to die at {point}; {stands}; {self._said()}")
            if time.monotonic() - planned_at > 2:  # the point was not met: more of what leads there
                self.report()
                self._mood(point)  # before there is something to hand over
                self.plan(EACH)
                planned_at = time.monotonic()
            if refuses and self.vendor.server.connections:
                self._refuse(self.rng.uniform(0.05, 0.3))
                refuses = False
            pause(0.02)
        if worker.wait() != -signal.SIGKILL:
            raise AssertionError(f"the worker ended by itself: {self._said()}")

    def _refuse(self, seconds: float) -> None:
        self.vendor.call(self.vendor.server.refuse())
        pause(seconds)
        self.vendor.call(self.vendor.server.listen())

    def report(self) -> None:
        """The vendor's webhooks tell of what it has accepted since: it was delivered."""
        mail = self.vendor.mail
        told, self._told = mail[self._told :], len(mail)
        events = [ProviderEvent("delivered", f"e-{id}", 5, origin_of(self.sends[id], "first")) for id in told]
        self.log.append([entry for event in events for entry in settling_entries(event, self.log.now())])

    def settle(self) -> None:
        """Nobody disturbs any more; until all is settled, and every webhook heard. Then a clean end."""
        self.vendor.server.of_key = {}
        worker = self._start()
        try:
            self._until(worker, "all sends are settled", lambda: not self._lags())
            self.report()
            self._until(worker, "what was accepted is known", lambda: not self._unheard())
            worker.terminate()
            if worker.wait(60) != 0:
                raise AssertionError(f"no clean end: {self._said()}")
        finally:
            worker.kill()
            worker.wait()

    def _until(self, worker: subprocess.Popen[bytes], what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SETTLED_S
        while not is_so():
            assert worker.poll() is None, self._said()
            assert time.monotonic() < deadline, f"not within {_SETTLED_S:g} s: {what}; {self._said()}"
            pause(0.1)

    def _lags(self) -> bool:
        return any(self.log.committed(GROUP, SENDS, n) < self.log.end(SENDS, n) for n in range(PARTITIONS))

    def _unheard(self) -> list[str]:
        """What delivery has not yet said as a fact, though it was told."""
        return self.judged().moved

    def _start(self, point: str = "") -> subprocess.Popen[bytes]:
        environment = {
            "PYTHONPATH": str(ROOT),
            "WAXWING_PROVIDER_URL_SENDGRID": self.vendor.server.url,
            "WAXWING_SECRET_FIRST": FIRST,
            "WAXWING_SECRET_SECOND": SECOND,
            "WAXWING_SECRET_HOOK": SECRET,
            "WAXWING_DIE_AT": point,
            "WAXWING_DIE_IN": str(POINTS.get(point, 1)),
        }
        if self._cluster is not None:
            environment |= {"WAXWING_LOG": f"kafka://{self._cluster.bootstrap}", "WAXWING_WORKER": "chaos"}
            environment |= {"WAXWING_KAFKA_PREFIX": self._cluster.prefix, "WAXWING_KAFKA_SESSION_S": "2"}
        command = [sys.executable, "-m", "tests.recovery.delivery_worker", str(self.folder)]
        with (self.folder / "stderr").open("ab") as errors:
            return subprocess.Popen(command, env=os.environ | environment, stderr=errors, cwd=ROOT)

    def _said(self) -> str:
        return (self.folder / "stderr").read_text()[-3_000:]


def _published(body: dict[str, Any]) -> Entry:
    definition = Definition(body["kind"], body["id"], "publish", 1, body)
    return Entry("definitions", f"{definition.kind}/{definition.id}", encode(definition))


def main(kills: str, seed: str = "1") -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with tempfile.TemporaryDirectory() as folder:
        chaos = DeliveryChaos(Path(folder), int(seed))
        verdict = chaos.go(int(kills))
    print(dict(chaos.deaths), len(chaos.sends), "sends", len(chaos.vendor.server.requests), "requests", file=sys.stderr)
    for wrong in (verdict.lost, verdict.untold, verdict.twice, verdict.moved, verdict.identity):
        print(*wrong[:5], sep="\n", end="", file=sys.stderr)
    print(json.dumps(verdict.report() | {"kills": chaos.deaths.total()}))
    return 0 if verdict.is_right else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
