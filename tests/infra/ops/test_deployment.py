"""What is written for Docker, Kubernetes, Prometheus and Grafana names only what there is in the code."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from typer.main import get_group

from api.watermark import Ends, Freshness
from connectors.log import Log
from infra.cli import app
from infra.collectors import FoldCollector, LogCollector, WatermarkCollector
from infra.grafana import make as grafana
from infra.kubernetes import make as kubernetes
from infra.roles.__main__ import NAMES
from infra.settings import Settings
from tests.walls.sources import PACKAGES, ROOT, modules

INFRA = ROOT / "infra"
COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("waxwing:")}
ALERTS: list[dict[str, Any]] = yaml.safe_load((INFRA / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
SETTINGS = {f"WAXWING_{name.upper()}" for name in Settings.model_fields}
DOCKERFILE = (INFRA / "Dockerfile").read_text()


def of_dockerfile(instruction: str) -> list[str]:
    return re.findall(rf"^{instruction} (.*)$", DOCKERFILE, re.M)


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in of_dockerfile("ENV") for pair in line.split())


def is_called(arguments: list[str]) -> None:
    """The command, its options and its roles are there."""
    command: Any = get_group(app).get_command(None, arguments[0])  # type: ignore[arg-type]
    assert command is not None
    options = {flag for parameter in command.params for flag in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= options
    if "--role" in arguments:
        assert arguments[arguments.index("--role") + 1] in NAMES


@pytest.mark.parametrize("name", OURS)
def test_a_service_calls_a_command_that_there_is_with_settings_that_there_are(name: str) -> None:
    service = OURS[name]
    is_called(service["command"])
    assert {key for key in service["environment"] if key.startswith("WAXWING_")} <= SETTINGS
    assert service["restart"] in ("unless-stopped", "on-failure")


def test_compose_has_one_service_a_role_and_what_they_need() -> None:
    roles = {service["command"][-1] for service in OURS.values() if service["command"][0] == "run"}
    assert roles == set(NAMES)
    assert set(SERVICES) - set(OURS) == {"redpanda", "clickhouse", "minio", "bucket", "prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    for volume in service.get("volumes", ()):
        source = volume.split(":")[0]
        assert (INFRA / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    for needed, how in service.get("depends_on", {}).items():
        assert needed in SERVICES
        assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[needed]
    tag = service["image"].rpartition(":")[2]
    assert re.search(r"\d", tag), "an image without a version changes by itself"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"bucket", "topics"}))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    assert "healthcheck" in SERVICES[name] or (name in OURS and of_dockerfile("HEALTHCHECK"))


def test_nothing_is_open_to_other_machines_and_no_secret_is_written_down() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY$", key):
                assert re.match(r"\$\{\w+:\?", value), f"{key} must come from .env, and be asked for"


def test_the_example_names_every_variable_that_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+):[?-]", (INFRA / "compose.yaml").read_text()))
    example = (INFRA / "compose.env.example").read_text()
    assert set(re.findall(r"^(\w+)=", example, re.M)) == asked


def test_the_image_is_installed_by_hash_from_the_lock_and_does_not_run_as_root() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert of_dockerfile("USER")[-1] == str(kubernetes.USER)
    assert {key for key in image_environment() if key.startswith("WAXWING_")} <= SETTINGS
    copied = {source for line in of_dockerfile("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert all((ROOT / source).exists() for source in copied)
    assert set(PACKAGES) <= copied


def test_only_what_the_image_is_built_from_is_sent_to_its_build() -> None:
    lines = (INFRA / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {*PACKAGES, "pyproject.toml", "README.md", "LICENSE"}


def test_ports_agree_everywhere() -> None:
    port = image_environment()["WAXWING_METRICS_PORT"]
    assert of_dockerfile("EXPOSE") == [f"{Settings.model_fields['port'].default} {port}"]
    assert port in of_dockerfile("HEALTHCHECK")[0]
    assert str(kubernetes.METRICS_PORT) == port
    scraped = yaml.safe_load((INFRA / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"][0]
    assert set(scraped["static_configs"][0]["targets"]) == {f"{name}:{port}" for name in NAMES}


def test_the_manifests_are_those_that_the_code_makes() -> None:
    assert (INFRA / "kubernetes" / "waxwing.yaml").read_text() == kubernetes.text()


def workloads() -> list[dict[str, Any]]:
    made = [m for m in kubernetes.manifests() if m["kind"] in ("Deployment", "StatefulSet", "Job")]
    return [m["spec"]["template"]["spec"] | {"name": m["metadata"]["name"]} for m in made]


def test_there_is_a_workload_for_each_role() -> None:
    assert {role.name for role in kubernetes.ROLES} == set(NAMES)
    assert set(kubernetes.CONFIG) | set(kubernetes.SECRETS) <= SETTINGS


@pytest.mark.parametrize("pod", workloads(), ids=lambda pod: pod["name"])
def test_a_pod_calls_a_command_that_there_is_mounts_what_it_has_and_may_do_little(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    is_called(container["args"])
    ports = {port["name"] for port in container.get("ports", ())}
    assert {container[p]["httpGet"]["port"] for p in ("livenessProbe", "readinessProbe") if p in container} <= ports
    role = next((role for role in kubernetes.ROLES if role.name == pod["name"]), None)
    volumes = {volume["name"] for volume in pod["volumes"]} | ({"data"} if role and role.disk else set())
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]


def registered() -> set[str]:
    """The names under which Prometheus knows what the code tells, of every module."""
    for path in modules(*PACKAGES):
        if "prometheus_client import" in (ROOT / path).read_text():
            import_module(".".join(path.with_suffix("").parts))
    log: Log = None  # type: ignore[assignment]  # only described, not asked
    collectors = [LogCollector(log, list), FoldCollector(log, {})]
    watermark = WatermarkCollector(lambda: Ends(0, {}), lambda ends: Freshness(0, 0))
    families = [*REGISTRY.collect(), *(m for c in [*collectors, watermark] for m in c.describe())]
    suffixes = {"counter": ("_total",), "gauge": ("",), "summary": ("_sum", "_count")}
    suffixes["histogram"] = ("_bucket", "_sum", "_count")
    return {family.name + suffix for family in families for suffix in suffixes.get(family.type, ())}


def named(query: str) -> set[str]:
    return set(re.findall(r"\b(?:waxwing|process)_\w+", query))


def test_every_metric_of_dashboards_and_alerts_is_one_that_the_code_tells() -> None:
    queries = [rule["expr"] for rule in ALERTS]
    queries += [line.query for row in grafana.ROWS.values() for panel in row for line in panel.lines]
    assert set().union(*map(named, queries)) - registered() == set()


def test_the_dashboard_is_the_one_that_the_code_makes() -> None:
    assert json.loads((INFRA / "grafana" / "dashboards" / "waxwing.json").read_text()) == grafana.dashboard()


def test_panels_do_not_lie_on_each_other() -> None:
    places = [panel["gridPos"] for panel in grafana.dashboard()["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < grafana.WIDTH


def test_there_is_an_alert_for_each_promise() -> None:
    watched = set().union(*(named(rule["expr"]) for rule in ALERTS))
    promises = {"waxwing_contacts_lag", "waxwing_watermark_age_seconds", "waxwing_log_end"}
    promises |= {"waxwing_delivery_attempts_total", "waxwing_verify_mismatches"}
    assert promises <= watched


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_what_to_do_and_how_urgent_it_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "action"}
    for opening, closing in ("()", "[]", "{}"):
        assert rule["expr"].count(opening) == rule["expr"].count(closing)
    kept = re.findall(r"\bby \(([^)]*)\)", rule["expr"])  # the outermost first
    said = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert not kept or said <= {label.strip() for label in kept[0].split(",")}
