"""What a process tells whoever watches over it: /metrics for Prometheus, /health, /ready. Nothing is about anybody.

A figure that is counted is declared where it is counted; `infra.collectors` has those that are read off something at
the moment they are asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Final

from prometheus_client import REGISTRY, MetricsHandler
from prometheus_client.registry import Collector

from infra.settings import Settings
from schemas.errors import InvalidInput, Violation

_HELD_BACK: Final = "waxwing_definitions_unreadable"  # told by the contacts flow


@contextmanager
def serving(settings: Settings, stop: threading.Event) -> Iterator[None]:
    """Answer on `metrics_port` until left; nothing where it is 0. InvalidInput where the port is taken."""
    if not settings.metrics_port:
        yield
        return
    handler = type("Handler", (_Handler,), {"stop": stop})
    try:
        server = ThreadingHTTPServer((settings.host, settings.metrics_port), handler)
    except OSError as fault:
        where = f"cannot listen on {settings.host} port {settings.metrics_port}: {fault.strerror or fault}"
        raise InvalidInput("settings", [Violation("metrics_port", where)]) from fault
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Handler(MetricsHandler):
    """`stop` is set once the process is told to end: then it is not ready any more."""

    stop: threading.Event

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                super().do_GET()
            case "/health":
                self._say(200, b"ok\n")
            case "/ready":
                self._say(*self._readiness())
            case _:
                self._say(404, b"there are /metrics, /health and /ready\n")

    def _readiness(self) -> tuple[int, bytes]:
        if self.stop.is_set():
            return 503, b"ending\n"
        if REGISTRY.get_sample_value(_HELD_BACK):
            return 503, b"the definitions cannot be read\n"
        return 200, b"ready\n"

    def _say(self, status: int, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def registered(collector: Collector) -> Iterator[None]:
    """The collector is asked, until left, whenever the process is."""
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)
