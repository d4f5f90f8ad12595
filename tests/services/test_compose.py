"""Every service of compose.yaml and every pod of the manifests, started as it would be there, but as a process here.

Images, volumes and networks are not tried: that needs Docker. Hosts' names are replaced by local addresses.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.broker.node import free_ports
from infra.kubernetes import make as kubernetes
from infra.roles.__main__ import NAMES
from tests.conftest import ROOT
from tests.infra.ops.test_deployment import OURS, image_environment
from tests.services.clickhouse_http import running as clickhouse_running
from tests.services.fleet import eventually

pytestmark = pytest.mark.slow
SECRETS = {"CLICKHOUSE_PASSWORD": "hush", "MINIO_PASSWORD": "hush", "WAXWING_WRITE_KEY": "w"}
SECRETS |= {"WAXWING_ADMIN_KEY": "admin", "WAXWING_LINK_KEY": "l" * 32}


def of_compose(name: str) -> tuple[list[str], dict[str, str]]:
    """The service's command, and its environment with what compose would fill in."""

    def fill(found: re.Match[str]) -> str:
        return SECRETS.get(found[1], (found[2] or "").removeprefix(":-"))

    service: dict[str, Any] = OURS[name]
    environment = {
        key: re.sub(r"\$\{(\w+)(:[-?][^}]*)?\}", fill, value) for key, value in service["environment"].items()
    }
    return service["command"], environment


def of_kubernetes(name: str) -> tuple[list[str], dict[str, str]]:
    """The pod's arguments, and its environment with a Secret made by hand."""
    [made] = (m for m in kubernetes.manifests() if m["metadata"]["name"] == name and "template" in m.get("spec", {}))
    [container] = made["spec"]["template"]["spec"]["containers"]
    return container["args"], dict(kubernetes.CONFIG) | dict.fromkeys(kubernetes.SECRETS, "secret")


class Host:
    """Stands in for the network: starts a command as the image would, with local addresses."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str, clickhouse: str):
        self.folder, self.processes = folder, dict[str, subprocess.Popen[bytes]]()
        self.ports: dict[str, int] = {}
        self._local = {
            "WAXWING_LOG": f"kafka://{bootstrap}",
            "WAXWING_KAFKA_PREFIX": prefix,
            "WAXWING_CLICKHOUSE": clickhouse,
            "WAXWING_FILES": (folder / "files").as_uri(),
            "WAXWING_HOST": "127.0.0.1",
            "WAXWING_PARTITIONS": "4",
            "WAXWING_PROVIDER": "sandbox",
        }

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        port, self.ports[name] = free_ports(2)
        local = self._local | {"WAXWING_PORT": str(port), "WAXWING_METRICS_PORT": str(self.ports[name])}
        local |= {"WAXWING_DATA": str(self.folder / name), "PYTHONPATH": str(ROOT)}
        with (self.folder / f"{name}.out").open("wb") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "infra.cli", *command],
                env=_bare() | image_environment() | environment | local,
                cwd=self.folder,  # as in the image: none of the sources lies there
                stdout=out,
                stderr=out,
            )

    def is_well(self, name: str) -> bool:
        """Whether it answers as its health check asks it to."""
        assert self.processes[name].poll() is None, self.said(name)
        try:
            return httpx.get(f"http://127.0.0.1:{self.ports[name]}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def end(self, name: str) -> int:
        """As Docker and Kubernetes end it."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(120)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text()[-3_000:]

    def clear(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def _bare() -> dict[str, str]:
    """What a container has besides: nothing of this machine."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.fixture
def host(tmp_path: Path, bootstrap: str) -> Iterator[Host]:
    with ExitStack() as stack:
        address = stack.enter_context(clickhouse_running(tmp_path / "clickhouse", password="hush"))
        made = Host(tmp_path, bootstrap, "composed-", address)
        stack.callback(made.clear)
        yield made


def test_each_service_and_each_pod_starts_is_well_and_ends(host: Host) -> None:
    for of, name in ((of_kubernetes, "topics"), (of_compose, "topics")):
        command, environment = of(name)
        host.start(name, [word if word != "3" else "1" for word in command], environment)  # one broker, one replica
        assert host.processes[name].wait(120) == 0, host.said(name)
    half = len(NAMES) // 2
    for of, names in ((of_compose, NAMES[:half]), (of_kubernetes, NAMES[half:])):
        for name in names:
            assert of_compose(name)[0] == of_kubernetes(name)[0]  # so half of each is all of both
            host.start(name, *of(name))
        for name in names:
            eventually(f"{name} is well", lambda name=name: host.is_well(name), within_s=240)  # type: ignore[misc]
        for name in names:
            assert host.end(name) == 0, host.said(name)
