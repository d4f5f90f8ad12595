"""One process of an installation: `python -m infra.roles [--listener FD] ROLE…`, each role in a thread of its own.

The process ends when it is told to (SIGTERM), when whoever started it is gone (its standard input ends), or when one of
its roles has failed: then with exit code 1, or 2 where the fault is in the settings or the log is damaged, so that
starting it again is vain.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from connectors.outage import Outage
from infra.metrics import serving
from infra.roles import api
from infra.settings import Settings
from schemas.errors import InvalidInput, LogDamaged, LogUnavailable, Violation, WaxwingError

Role = Callable[[Settings, threading.Event], None]

NAMES: Final = (
    *("api", "warehouse", "hydration", "contacts", "ingest", "delivery", "learning", "verify", "analysis", "campaigns"),
)
ORPHAN_S: Final = 5.0  # what the roles get to end after whoever started them was killed
AGAIN_S: Final = 1.0  # between two tries of a role whose log is away
WAKE_S: Final = 0.2  # how often the main thread looks whether a signal waits for its handler
_LOG: Final = logging.getLogger("waxwing")


def find(name: str) -> Role:
    """A role by its name, `contacts@1/2` for one of two workers of the fold; InvalidInput where there is none."""
    name, _, share = name.partition("@")
    if share:
        if name != "contacts" or not (numbers := re.fullmatch(r"(\d+)/([1-9]\d*)", share)):
            raise InvalidInput("role", [Violation(f"{name}@{share}", "only contacts has workers: contacts@0/2, …")])
        return partial(import_module("infra.roles.contacts").role, worker=int(numbers[1]), workers=int(numbers[2]))
    if name not in NAMES:
        raise InvalidInput("role", [Violation(name, f"there is no such role; there are {', '.join(NAMES)}")])
    if find_spec(f"infra.roles.{name}") is None:
        raise InvalidInput("role", [Violation(name, f"this version has no infra/roles/{name}.py")])
    found: Role = import_module(f"infra.roles.{name}").role
    return found


def work(settings: Settings, roles: Mapping[str, Role], stop: threading.Event) -> list[BaseException]:
    """Run the roles until `stop` is set or one of them ends; then end them all. Returns what went wrong."""
    faults: list[BaseException] = []

    def run(name: str, role: Role) -> None:
        try:
            _last(name, role, settings, stop)
        except InvalidInput as fault:
            faults.append(fault)
            print(fault, file=sys.stderr, flush=True)
        except WaxwingError as fault:  # it says all that there is to say
            faults.append(fault)
            _LOG.error("role %s ends: %s", name, fault)
        except BaseException as fault:
            faults.append(fault)
            _LOG.exception("role %s failed", name)
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=item, name=item[0]) for item in roles.items()]
    with serving(settings, stop):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # a join without end may sleep through a signal, which only this thread handles
                thread.join(WAKE_S)
    return faults


def _last(name: str, role: Role, settings: Settings, stop: threading.Event) -> None:
    """Run the role; while a broker is away it begins anew again and again, from what it has made durable."""
    outage = Outage(_LOG, f"{name}: the log")
    while True:
        try:
            return role(settings, stop)
        except LogUnavailable as fault:
            if not settings.log:  # a file: its disk is full, or it is gone; whoever starts processes waits longer
                raise
            outage.failed(fault)
            if stop.wait(AGAIN_S):
                return None


def set_up_logging() -> None:
    """One line a message on stderr, with its time and the role that says it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request is too much
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # kafka-python: what it could not do is raised as well


def stop_with_parent(stop: threading.Event) -> None:
    """End when the other end of our standard input is closed, which a kill -9 of its holder does as well."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        stop.set()
        threading.Timer(ORPHAN_S, os._exit, (1,)).start()

    threading.Thread(target=watch, name="watch", daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    """Run the roles that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m infra.roles")
    parser.add_argument("--listener", type=int, help="file descriptor of the API's bound socket")
    parser.add_argument("roles", nargs="+")
    given = parser.parse_args(arguments)
    set_up_logging()
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal: our parent says when to end
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop_with_parent(stop)
    try:
        roles = {name: find(name) for name in given.roles}
        if given.listener is not None:
            roles["api"] = partial(api.serve, listener=socket.socket(fileno=given.listener))
        faults = work(Settings(), roles, stop)
    except InvalidInput as fault:
        print(fault, file=sys.stderr)
        return 2
    return 2 if any(isinstance(fault, InvalidInput | LogDamaged) for fault in faults) else 1 if faults else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # ends at once, whatever a library's threads are at: every role has ended
