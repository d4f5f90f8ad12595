"""Whether a cluster answers this process, said once when it goes and once when it is back; and what its clients say.

librdkafka says of each connection of each client, every second, that it failed, and a process has some twenty of them;
much of that is heard only when the client is asked for something, perhaps long after. So what counts is whether calls
are answered; the lines of connections are for DEBUG, and the last one tells why.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Final

from connectors.outage import Outage

_LOG: Final = logging.getLogger("waxwing.kafka")
# librdkafka's facilities of what a broker that is away leads to: rdkafka_broker.c, rdkafka_cgrp.c, rdkafka_request.c
_OF_CONNECTIONS: Final = frozenset({"FAIL", "ERROR", "REQTMOUT", "SESSTMOUT", "FINDCOORD", "OFFSET", "GETPID"})


class Link:
    """The link to one cluster: a logger as confluent-kafka wants one, told of each call whether it was answered."""

    def __init__(self, bootstrap: str):
        self._outage = Outage(_LOG, f"kafka://{bootstrap}")
        self._last = ""
        self.answered = self._outage.worked

    def log(self, level: int, form: str, facility: str, *more: object) -> None:
        """One line of a client: its facility, its name, its text."""
        if facility in _OF_CONNECTIONS:
            self._last, level = str(more[-1]), logging.DEBUG
        _LOG.log(level, form, facility, *more)

    def failed(self, fault: object) -> None:
        """A call was not answered, or not as it should be."""
        self._outage.failed(f"{fault}; {self._last}" if self._last else fault)


@cache
def link(bootstrap: str) -> Link:
    """The cluster's, shared by all clients of the process."""
    return Link(bootstrap)
