"""One node: its configuration, its start, its end by its own process id."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.broker.jars import bring, missing

START_S: Final = 60.0
STOP_S: Final = 30.0
_JAVA: Final = ("java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-Xlog:disable")
_CLUSTER: Final = "waxwing-tests-000000A"  # 16 bytes in base64, as every cluster id is

# Small, quick to start, and quick to give up what died: a transaction left open ends within its own timeout.
_CONFIG: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "2",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "2",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",  # so that a lost worker is noticed quickly
    "broker.heartbeat.interval.ms": "200",
    "broker.session.timeout.ms": "1000",  # how long one that was killed is waited for when it starts again
    "log.cleaner.dedupe.buffer.size": "8388608",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


class Broker:
    """A broker whose data lie in `folder`; it keeps its port over restarts.

    `config` adds to its properties, `listener` (`SASL_SSL://127.0.0.1:port`) to where it listens.
    """

    def __init__(self, folder: Path, config: Mapping[str, str] | None = None, listener: str = ""):
        self.folder = folder.absolute()
        self.port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        plain = f"PLAINTEXT://{self.bootstrap}"
        self._config = _CONFIG | {
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": ",".join(filter(None, (plain, f"CONTROLLER://127.0.0.1:{controller}", listener))),
            "log.dirs": str(self.folder / "data"),
            **(config or {}),
        }

    def start(self) -> None:
        """Start it and wait until it answers. RuntimeError with its last words where it does not."""
        if lacking := missing():
            raise RuntimeError(f"no broker can run here: there is {lacking}")
        jars = str(bring() / "*")
        properties = self.folder / "server.properties"
        self.folder.mkdir(parents=True, exist_ok=True)
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._config.items()))
        command = [*_JAVA, "-cp", jars]
        with (self.folder / "broker.out").open("ab") as out:
            if not (self.folder / "data").exists():
                tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)]
                if subprocess.run([*command, *tool], stdout=out, stderr=out, check=False).returncode:
                    raise self._failed()
            self._process = subprocess.Popen([*command, "kafka.Kafka", str(properties)], stdout=out, stderr=out)
        self._wait(self._process)

    def kill(self) -> None:
        """kill -9."""
        self._end(subprocess.Popen.kill)

    def stop(self) -> None:
        """Ask it to end, and kill it where it does not."""
        self._end(subprocess.Popen.terminate)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < until:
            if answers(self.bootstrap):
                return
            time.sleep(0.05)
        self.kill()
        raise self._failed()

    def _failed(self) -> RuntimeError:
        return RuntimeError(f"the broker did not start: {(self.folder / 'broker.out').read_text()[-2000:]}")

    def _end(self, ask: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        ask(process)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A broker while the block runs; yields its bootstrap address."""
    broker = Broker(folder)
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


def answers(bootstrap: str) -> bool:
    """Whether a broker is there that knows of itself."""
    host, port = bootstrap.rsplit(":", 1)
    with socket.socket() as probe:  # librdkafka's own retries would cost half a second
        if probe.connect_ex((host, int(port))):
            return False
    try:
        return bool(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listened on a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
