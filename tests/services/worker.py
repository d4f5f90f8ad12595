"""The process that is killed: the contacts flow over Kafka. `python -m tests.services.worker BOOTSTRAP PREFIX STATE`"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from bytewax.testing import cluster_main

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from flows.contact import flow


def main(bootstrap: str, prefix: str, folder: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    log = KafkaLog(KafkaConfig(bootstrap, prefix))
    built = flow.build(log, Path(folder), checkpoint_s=0.3, stop=stop.is_set)
    runner = threading.Thread(target=lambda: cluster_main(built, [], 0))
    runner.start()
    runner.join()
    log.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
