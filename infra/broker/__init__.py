"""A real Kafka broker for tests and measurements: Apache Kafka from Maven Central, one KRaft node on 127.0.0.1.

    with running(folder) as bootstrap: …        a broker from here to there, its data in `folder`
    python -m infra.broker [FOLDER]             one that runs until Ctrl-C

It needs Java 17 and Maven; `missing()` says what is not there.
"""

from __future__ import annotations

from infra.broker.jars import missing
from infra.broker.node import Broker, running

__all__ = ["Broker", "missing", "running"]
