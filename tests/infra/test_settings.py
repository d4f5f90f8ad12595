"""Where settings and secrets come from: the environment, else `.env`."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.settings import Settings
from sinks.providers.secrets import Secrets

DOTENV = """
WAXWING_PARTITIONS=7
WAXWING_SECRET_POSTMARK=from-the-file
WAXWING_SECRET_TWILIO=from-the-file
WAXWING_PROVIDER_URL_POSTMARK=https://eu.example
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".env").write_text(DOTENV)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAXWING_SECRET_TWILIO", "from-the-environment")
    return tmp_path


def test_secrets_stand_in_dotenv_beside_settings_and_the_environment_wins(folder: Path):
    assert Settings().partitions == 7
    secrets = Secrets()
    assert (secrets.get("postmark"), secrets.get("twilio")) == ("from-the-file", "from-the-environment")
    assert secrets.url("postmark", "https://public.example") == "https://eu.example"
    assert "from-the" not in repr(secrets.__dict__)


def test_a_setting_that_is_misspelt_in_dotenv_is_refused(folder: Path):
    (folder / ".env").write_text("WAXWING_PARTITION=7\n")
    with pytest.raises(ValidationError, match="waxwing_partition"):
        Settings()


def test_without_a_file_there_is_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert Secrets().get("postmark") == ""
    assert Settings(_env_file=None).partitions == 4


def test_folders_stay_where_they_are_when_the_working_directory_changes(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    default, named = Settings(), Settings(data=Path("here"), files="pictures")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # as chDB does while it is loaded, under every thread
    assert default.log_path == folder / "var" / "log.db"
    assert named.log_path == folder / "here" / "log.db"
    assert named.files_url == (folder / "pictures").as_uri()
    assert Settings(files="s3://bucket/pictures").files_url == "s3://bucket/pictures"
