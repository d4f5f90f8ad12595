"""Makes the manifests: `python -m infra.kubernetes.make > infra/kubernetes/waxwing.yaml`; then `kubectl apply -f` it.

Kafka, ClickHouse and S3 are the cluster's own: their addresses stand in the ConfigMap, what is secret in a Secret named
`waxwing` that is made by hand (SECRETS). Each role is one pod with a volume of its own, a StatefulSet, so that a new
one never runs beside the old one; but of the API, which keeps nothing, and of contacts and delivery, among whose
workers Kafka shares out the partitions, there are several. A pod's name is its worker's.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import yaml

IMAGE: Final = "waxwing:0.1.0"
API_PORT: Final = 8080
METRICS_PORT: Final = 9100
USER: Final = 10001  # the image's
GRACE_S: Final = 60
CONFIG: Final = {
    "WAXWING_LOG": "kafka://kafka:9092",
    "WAXWING_PARTITIONS": "16",
    "WAXWING_FILES": "s3://waxwing/files",
    "WAXWING_BASE_URL": "https://links.example.com",
    "WAXWING_PROVIDER": "real",
    "WAXWING_HOST": "0.0.0.0",  # noqa: S104 - a pod's own address
    "WAXWING_PORT": str(API_PORT),
    "WAXWING_METRICS_PORT": str(METRICS_PORT),
}
# WAXWING_CLICKHOUSE holds a password; WAXWING_SECRET_… of the providers and AWS_… of S3 go in there too.
SECRETS: Final = ("WAXWING_CLICKHOUSE", "WAXWING_WRITE_KEY", "WAXWING_ADMIN_KEY", "WAXWING_LINK_KEY")


class Role(NamedTuple):
    """What a role needs: Kubernetes' quantities; `disk` is empty where it keeps nothing."""

    name: str
    cpu: str
    memory: str
    disk: str = ""
    replicas: int = 1


ROLES: Final = (
    Role("api", "500m", "1Gi", replicas=2),
    Role("contacts", "1", "4Gi", "50Gi", replicas=2),
    Role("ingest", "250m", "512Mi"),
    Role("delivery", "500m", "1Gi", "20Gi", replicas=2),
    Role("learning", "250m", "1Gi", "5Gi"),
    Role("warehouse", "500m", "1Gi"),
    Role("hydration", "250m", "1Gi"),
    Role("verify", "250m", "1Gi"),
    Role("analysis", "250m", "512Mi"),
    Role("campaigns", "250m", "1Gi"),
)

Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    """Everything, in the order in which it is applied."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _named("waxwing"), "data": dict(CONFIG)}
    return [config, _topics(), *(_workload(role) for role in ROLES), *map(_service, ROLES), _disruptions()]


def _named(name: str) -> Manifest:
    return {"name": name, "labels": _labels(name)}


def _labels(name: str) -> Manifest:
    return {"app.kubernetes.io/name": "waxwing", "app.kubernetes.io/component": name}


def _workload(role: Role) -> Manifest:
    spec: Manifest = {
        "replicas": role.replicas,
        "selector": {"matchLabels": _labels(role.name)},
        "template": {"metadata": {"labels": _labels(role.name), "annotations": _scraped()}, "spec": _pod(role)},
    }
    if role.name == "api":
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _named(role.name), "spec": spec}
    spec["serviceName"] = role.name
    if role.disk:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": role.disk}}}
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": _named(role.name), "spec": spec}


def _scraped() -> Manifest:
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(METRICS_PORT)}


def _pod(role: Role) -> Manifest:
    container = _container(role.name, ["run", "--role", role.name])
    container["resources"] = {
        "requests": {"cpu": role.cpu, "memory": role.memory},
        "limits": {"memory": role.memory},
    }
    container["ports"] = [{"name": "metrics", "containerPort": METRICS_PORT}]
    if role.name == "api":
        container["ports"].append({"name": "http", "containerPort": API_PORT})
    container["startupProbe"] = {"httpGet": {"path": "/health", "port": "metrics"}, "failureThreshold": 60}
    container["livenessProbe"] = {"httpGet": {"path": "/health", "port": "metrics"}, "timeoutSeconds": 5}
    ready = "http" if role.name == "api" else "metrics"  # the API's says whether the log answers
    container["readinessProbe"] = {"httpGet": {"path": "/ready", "port": ready}, "timeoutSeconds": 5}
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {}}]
    if not role.disk:
        volumes.append({"name": "data", "emptyDir": {}})
    return _pod_of(container, volumes)


def _pod_of(container: Manifest, volumes: list[Manifest]) -> Manifest:
    return {
        "terminationGracePeriodSeconds": GRACE_S,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }


def _container(name: str, arguments: list[str]) -> Manifest:
    return {
        "name": name,
        "image": IMAGE,
        "args": arguments,
        "envFrom": [{"configMapRef": {"name": "waxwing"}}, {"secretRef": {"name": "waxwing"}}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }


def _topics() -> Manifest:
    """Makes the topics, and fails with what is wrong with those that are there."""
    container = _container("topics", ["topics", "--create", "--replicas", "3"])
    empty: list[Manifest] = [{"name": name, "emptyDir": {}} for name in ("data", "tmp")]
    pod = {**_pod_of(container, empty), "restartPolicy": "OnFailure"}
    spec = {"backoffLimit": 10, "template": {"metadata": {"labels": _labels("topics")}, "spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _named("topics"), "spec": spec}


def _service(role: Role) -> Manifest:
    if role.name == "api":
        spec: Manifest = {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    else:
        spec = {"clusterIP": "None", "ports": [{"name": "metrics", "port": METRICS_PORT}]}
    spec["selector"] = _labels(role.name)
    return {"apiVersion": "v1", "kind": "Service", "metadata": _named(role.name), "spec": spec}


def _disruptions() -> Manifest:
    spec = {"minAvailable": 1, "selector": {"matchLabels": _labels("api")}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": _named("api"), "spec": spec}


class _Plain(yaml.SafeDumper):
    """Writes what is used twice twice: anchors are hard to read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def text() -> str:
    """The manifests as YAML documents."""
    head = "# Made by `python -m infra.kubernetes.make`; the Secret `waxwing` is made by hand, with\n"
    head += f"# {', '.join(SECRETS)}.\n"
    return head + yaml.dump_all(manifests(), Dumper=_Plain, sort_keys=False, width=120)


if __name__ == "__main__":
    print(text(), end="")
