"""Command lines in a process of their own, one after the other: chDB allows one folder a process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import NamedTuple

from typer.testing import CliRunner


class Done(NamedTuple):
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


class Shell:
    """Runs `waxwing` with arguments in the other process."""

    def __init__(self, pool: ProcessPoolExecutor):
        self._pool = pool

    def __call__(self, *arguments: str) -> Done:
        return self._pool.submit(_run, arguments).result()


def _run(arguments: tuple[str, ...]) -> Done:
    from infra.cli import app  # only the other process loads it

    done = CliRunner().invoke(app, list(arguments))
    return Done(done.exit_code, done.stdout, done.stderr)


@contextmanager
def shell() -> Iterator[Shell]:
    """A shell; its process ends with the context."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Shell(pool)
