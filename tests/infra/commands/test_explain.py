"""`waxwing explain` and `verify` where nothing answers, or something answers badly."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app

COMMANDS = [
    ("explain", "segment", "gold", "ann"),
    ("explain", "send", "s1"),
    ("explain", "run", "welcome", "ann"),
    ("journey", "show", "welcome"),
    ("journey", "experiments", "welcome"),
    ("holdout", "show", "everyone", "--event", "bought"),
    ("holdout", "history", "everyone"),
    ("verify",),
]


def run(port: int, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"WAXWING_PORT": str(port), "WAXWING_ADMIN_KEY": "k"})


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything so; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers['authorization']}")
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_when_nothing_answers(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run(port, *command)
    assert done.exit_code == 3
    assert f"no Waxwing answers at http://127.0.0.1:{port}" in done.stderr
    assert "waxwing run" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_free_port_is_no_address(command):
    done = run(0, *command)
    assert done.exit_code == 2
    assert "WAXWING_PORT" in done.stderr


def test_what_is_not_there_is_a_negative_answer():
    with answering(404, b'{"detail": "there is no segment \'gold\'"}') as (port, asked):
        done = run(port, "explain", "segment", "gold", "a/b c")
    assert (done.exit_code, done.stderr.strip()) == (1, "there is no segment 'gold'")
    assert asked == ["GET /v1/contacts/a%2Fb%20c/explain?segment=gold Bearer k"]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("show", "all", "--event", "order paid"), "/v1/reports/holdouts?holdout=all&event=order%20paid&salt="),
        (("history", "a/b"), "/v1/holdouts/a%2Fb/history"),
    ],
)
def test_holdouts_are_asked_of_the_installation(command, path):
    with answering(200, b'{"holdout": "all"}') as (port, asked):
        done = run(port, "holdout", *command)
    assert (done.exit_code, done.stdout.split()) == (0, ["{", '"holdout":', '"all"', "}"])
    assert [call.replace("+", "%20") for call in asked] == [f"GET {path} Bearer k"]


def test_a_refusal_and_a_fault_are_told_apart():
    with answering(401, b'{"detail": "send the admin key"}') as (port, _):
        done = run(port, "explain", "send", "s1")
        assert (done.exit_code, "send the admin key" in done.stderr) == (2, True)
    with answering(502, b"<html>bad gateway") as (port, _):
        done = run(port, "explain", "send", "s1")
        assert (done.exit_code, "502: <html>bad gateway" in done.stderr) == (3, True)


@pytest.mark.parametrize(("mismatches", "code"), [(0, 0), (2, 1)])
def test_a_mismatch_is_a_negative_answer(mismatches, code):
    body = f'{{"segments": {{"gold": {{"stream": 1}}}}, "mismatches": {mismatches}, "failed": 0}}'.encode()
    with answering(200, body) as (port, asked):
        done = run(port, "verify")
    assert (done.exit_code, done.stdout.strip()) == (code, '{"gold": {"stream": 1}}')
    assert asked == ["POST /v1/verify Bearer k"]


def test_a_segment_that_could_not_be_recomputed_is_a_negative_answer_that_says_why():
    body = b'{"segments": {"gold": {"stream": 1}, "vast": {"failed": "too much"}}, "mismatches": 0, "failed": 1}'
    with answering(200, body) as (port, _):
        done = run(port, "verify")
    assert (done.exit_code, json.loads(done.stdout)["gold"]) == (1, {"stream": 1})
    assert done.stderr.strip() == "segment vast could not be recomputed: too much"
