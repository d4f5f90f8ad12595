"""Assets: what is taken, how it is handed out; in a folder, and in S3 by a server that speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from schemas.ids import content_hash
from tests.api.support import ADMIN, TestClient, api

SVG = b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
PDF = b"%PDF-1.7\n..."


def picture(form: str = "PNG", size: tuple[int, int] = (800, 400), orientation: int = 1) -> bytes:
    made, image = BytesIO(), Image.new("RGB", size, "#0b5cad")
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(made, form, exif=exif)
    return made.getvalue()


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where files are kept: a folder, or a bucket of a real server."""
    if request.param == "folder":
        return ""
    return str(request.getfixturevalue("bucket"))


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    import boto3

    access = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in (access | {"AWS_ENDPOINT_URL": s3_server}).items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="assets")
    return "s3://assets/waxwing"


@pytest.fixture
def client(tmp_path: Path, files: str) -> Iterator[TestClient]:
    with api(tmp_path, files=files) as (client, _):
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[TestClient]:
    """A client whose files lie in a folder, for what does not depend on it."""
    with api(tmp_path) as (client, _):
        yield client


def upload(client: TestClient, data: bytes, **params: str):
    return client.post("/v1/assets", content=data, params=params, headers=ADMIN)


def test_what_was_uploaded_can_be_got_by_everyone_for_ever(client: TestClient):
    data = picture()
    made = upload(client, data, id="hero", alt="A blue field")
    assert made.status_code == 201
    said = made.json()
    assert (said["id"], said["file"]) == ("hero", f"{content_hash(data)}.png")
    assert (said["content_type"], said["size"], said["width"], said["height"]) == ("image/png", len(data), 800, 400)
    answer = client.get(f"/a/{said['file']}")
    assert answer.content == data
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/v1/assets/hero", headers=ADMIN).json()["body"]["alt"] == "A blue field"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_images_are_made_smaller_never_larger(client: TestClient, form: str):
    said = upload(client, picture(form)).json()
    for _ in range(2):  # made, then kept
        with Image.open(BytesIO(client.get(f"/a/{said['file']}?w=320").content)) as small:
            assert (small.size, small.format) == ((320, 160), form)
    with Image.open(BytesIO(client.get(f"/a/{said['file']}?w=1200").content)) as same:
        assert same.size == (800, 400)


def test_a_picture_that_was_taken_sideways_stands_upright_and_without_notes(folder: TestClient):
    said = upload(folder, picture("JPEG", (800, 400), orientation=6)).json()
    with Image.open(BytesIO(folder.get(f"/a/{said['file']}?w=160").content)) as small:
        assert small.size == (160, 320)
        assert dict(small.getexif()) == {}


def test_only_a_few_widths_are_made(folder: TestClient):
    said = upload(folder, picture()).json()
    assert folder.get(f"/a/{said['file']}?w=321").status_code == 400


@pytest.mark.parametrize(("data", "type"), [(SVG, "image/svg+xml"), (HTML, "text/html"), (PDF, "application/pdf")])
def test_what_could_run_a_script_is_a_download(folder: TestClient, data: bytes, type: str):
    file = upload(folder, data).json()["file"]
    answer = folder.get(f"/a/{file}")
    assert answer.headers["content-type"].startswith(type)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_script_that_begins_like_an_image_is_refused(folder: TestClient):
    answer = upload(folder, b"GIF89a/*" + HTML + b"*/=1")
    assert answer.status_code == 422
    assert "cannot be read as an image" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("data", [b"", b"MZ\x90\x00", b"hello", b"\x7fELF"])
def test_other_types_are_refused(folder: TestClient, data: bytes):
    assert upload(folder, data).status_code == 415


def test_an_image_of_50_mb_is_refused(folder: TestClient):
    assert upload(folder, picture() + bytes(50 * 1024 * 1024)).status_code == 413
    assert upload(folder, picture() + bytes(11 * 1024 * 1024)).status_code == 413


def test_a_small_file_that_unpacks_to_a_huge_image_is_refused(folder: TestClient):
    made = BytesIO()
    Image.new("1", (30_000, 30_000)).save(made, "PNG")
    answer = upload(folder, made.getvalue())
    assert answer.status_code == 422


def test_a_damaged_image_is_refused(folder: TestClient):
    assert upload(folder, picture()[:200]).status_code == 422


def test_a_form_is_taken_too(folder: TestClient):
    answer = folder.post("/v1/assets", files={"file": ("../../x.png", picture())}, headers=ADMIN)
    assert answer.status_code == 201
    assert folder.post("/v1/assets", files={"other": picture()}, headers=ADMIN).status_code == 400


@pytest.mark.parametrize("file", ["../link.key", "%2e%2e%2flink.key", "x.png", "a" * 64 + ".png", "a" * 64 + ".exe"])
def test_nothing_else_can_be_got(folder: TestClient, file: str):
    assert folder.get(f"/a/{file}").status_code == 404


def test_who_has_it_already_is_told_so(folder: TestClient):
    file = upload(folder, picture()).json()["file"]
    tag = folder.get(f"/a/{file}").headers["etag"]
    assert folder.get(f"/a/{file}", headers={"If-None-Match": tag}).status_code == 304


def test_addresses_begin_with_the_cdn_s_where_there_is_one(tmp_path: Path):
    with api(tmp_path, cdn_url="https://cdn.example/") as (client, _):
        assert upload(client, picture()).json()["url"].startswith("https://cdn.example/a/")


def test_uploading_takes_the_admin_key(folder: TestClient):
    assert folder.post("/v1/assets", content=picture()).status_code == 401


def test_equal_files_are_kept_once(tmp_path: Path, folder: TestClient):
    for id in ("one", "two"):
        upload(folder, picture(), id=id)
    kept = [p for p in (tmp_path / "files").rglob("*") if p.is_file()]
    assert [os.fspath(p.name) for p in kept] == [f"{content_hash(picture())}.png"]


VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(range(88))  # 100 bytes


@pytest.mark.parametrize(
    ("asked", "status", "part", "told"),
    [
        ("bytes=0-9", 206, VIDEO[:10], "bytes 0-9/100"),
        ("bytes=90-", 206, VIDEO[90:], "bytes 90-99/100"),
        ("bytes=-5", 206, VIDEO[95:], "bytes 95-99/100"),
        ("bytes=-500", 206, VIDEO, "bytes 0-99/100"),
        ("bytes=99-5000", 206, VIDEO[99:], "bytes 99-99/100"),
        ("bytes=100-", 416, b"", "bytes */100"),
        ("bytes=9-3", 416, b"", "bytes */100"),
        ("bytes=-0", 416, b"", "bytes */100"),
        ("bytes=0-1,5-6", 200, VIDEO, None),
        ("lines=0-9", 200, VIDEO, None),
        ("bytes=²-", 200, VIDEO, None),
    ],
)
def test_players_of_video_get_the_part_they_ask_for(
    folder: TestClient, asked: str, status: int, part: bytes, told: str | None
):
    file = upload(folder, VIDEO).json()["file"]
    answer = folder.get(f"/a/{file}", headers={"Range": asked.encode("latin-1")})
    assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, part, told)
    assert answer.headers["accept-ranges"] == "bytes"
