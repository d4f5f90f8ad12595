"""Settings: one table, the source of the environment variables (`WAXWING_…`), of the CLI's help and of the docs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from schemas.times import parse_duration
from sinks.providers.secrets import PREFIX, URL_PREFIX


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _length(text: str) -> str:
    if parse_duration(text) <= 0:
        raise ValueError(f"{text!r} must be longer than nothing")
    return text


def _local(address: str) -> str:
    return Path(address).absolute().as_uri() if address and "://" not in address else address


class _DotEnv(DotEnvSettingsSource):
    """`.env` without the providers' secrets and addresses: `sinks.providers.secrets` reads those."""

    def _read_env_files(self) -> Mapping[str, str | None]:
        others = (PREFIX.lower(), URL_PREFIX.lower())
        return {name: value for name, value in super()._read_env_files().items() if not name.startswith(others)}


class Settings(BaseSettings):
    """Everything that differs between two installations and is no definition. Read from `WAXWING_…` and `.env`."""

    model_config = SettingsConfigDict(env_prefix="WAXWING_", env_file=".env", extra="forbid", frozen=True)

    # Absolute from here on: while it is loaded, chDB changes the working directory under all threads.
    data: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        Path("var"), validate_default=True, description="folder of everything that an embedded installation keeps"
    )
    log: str = Field("", description="the log: empty for SQLite in `data`, else kafka://host:port")
    kafka_prefix: str = Field("", description="Kafka: stands before the name of each topic and group")
    kafka_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_ca: str = Field(
        "", description="Kafka: PEM file of who signed the brokers' certificates; empty: the system's"
    )
    kafka_certificate: str = Field("", description="Kafka: PEM file of this client's certificate")
    kafka_key: str = Field("", description="Kafka: PEM file of its key")
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="Kafka: how SASL proves the password"
    )
    kafka_user: str = Field("", description="Kafka: SASL user")
    kafka_password: SecretStr = Field(SecretStr(""), description="Kafka: SASL password")
    kafka_session_s: float = Field(
        6.0, ge=1, le=300, description="Kafka: after so many seconds of silence a worker's partitions go to others"
    )
    copy_every: Annotated[str, AfterValidator(_duration)] = Field(
        "60s", description="Kafka: how often a partition's states are copied to `files`, for whoever folds it next"
    )
    worker: str = Field("", description="Kafka: name of this machine's workers in their groups; empty: the host's")
    partitions: int = Field(4, ge=1, le=1024, description="partitions of each keyed topic, fixed when the log is made")
    workers: int = Field(1, ge=1, le=64, description="processes of `waxwing run` that share the fold's partitions")
    files: Annotated[str, AfterValidator(_local)] = Field(
        "", description="fsspec address of assets, models and audiences; empty for a folder in `data`"
    )
    clickhouse: str = Field("", description="ClickHouse's HTTP address; empty for the engine in the process")
    clickhouse_cluster: str = Field(
        "",
        pattern=r"^([A-Za-z_][A-Za-z0-9_-]*)?$",
        description="ClickHouse: the cluster whose hosts hold replicas",
    )
    host: str = Field("127.0.0.1", description="address the API listens on")
    port: int = Field(8080, ge=0, le=65535, description="port the API listens on; 0 takes a free one")
    metrics_port: int = Field(
        0, ge=0, le=65_500, description="port of a process's /metrics and /health; `run`'s processes count up; 0: none"
    )
    write_key: SecretStr = Field(SecretStr("demo"), description="basic-auth user of /v1/track and its kin")
    admin_key: SecretStr = Field(SecretStr(""), description="bearer token of everything else; empty: only loopback")
    link_key: SecretStr = Field(SecretStr(""), description="signs tracking links; empty: made once, kept in `data`")
    base_url: str = Field("", description="public address of tracking links; empty: the API's own")
    cdn_url: str = Field("", description="address of a CDN in front of the API's /a/; empty: the API's own")
    checkpoint_s: float = Field(1.0, gt=0, description="seconds between two checkpoints of a partition's state")
    leaf_bytes: int = Field(
        2 << 20, ge=1, description="what a leaf of a segment may keep of a contact; one that needs more is refused"
    )
    verify_every: Annotated[str, AfterValidator(_duration)] = Field(
        "15m", description="how often every segment is recomputed from history and compared; 0s: never"
    )
    analysis_every: Annotated[str, AfterValidator(_length)] = Field(
        "1m", description="how often experiments are looked at, to decide those that can be, and hours of sending"
    )
    allow_private: bool = Field(False, description="let webhooks and providers be on private addresses (tests)")
    model_every: int = Field(500, ge=1, description="examples between two versions of a learned model")
    provider: Literal["sandbox", "real"] = Field("sandbox", description="who delivers: the sandbox, or `provider`s")
    sendgrid_key: SecretStr = Field(SecretStr(""), description="SendGrid API key")
    sendgrid_url: str = Field("https://api.sendgrid.com", description="SendGrid's address")
    sendgrid_webhook_key: str = Field("", description="SendGrid's event webhook verification key (base64 DER)")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, then the environment, then `.env`."""
        assert isinstance(dotenv_settings, DotEnvSettingsSource)
        return init_settings, env_settings, _DotEnv(settings_cls, dotenv_settings.env_file)

    @property
    def log_path(self) -> Path:
        """The SQLite log's file."""
        return self.data / "log.db"

    @property
    def files_url(self) -> str:
        """Where immutable files live."""
        return self.files or (self.data / "files").absolute().as_uri()
