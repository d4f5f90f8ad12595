"""Bringing Kafka's jars, as `pom.xml` pins them, into a cache folder. Done once for each content of that file."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

POM: Final = Path(__file__).with_name("pom.xml")
JAVA: Final = 17
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def missing() -> str:
    """What a broker needs and this machine has not; empty where it can run. The network is not tried."""
    if not shutil.which("java") or (version := java_version()) < JAVA:
        return f"no Java {JAVA} or later" if not shutil.which("java") else f"Java {version}, not {JAVA} or later"
    return "" if shutil.which("mvn") or folder().is_dir() else "no Maven (mvn)"


def java_version() -> int:
    """The major version of the `java` on the path; 0 where it does not say."""
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else 0


def folder() -> Path:
    """Where the jars of this `pom.xml` are kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "waxwing" / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def bring() -> Path:
    """The folder with the jars, brought by Maven where they are not there. Raises RuntimeError with Maven's words."""
    kept = folder()
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as aside:
        shutil.copy(POM, aside)
        jars = Path(aside, "jars")
        options = ["-q", "-B", "-ntp", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        done = subprocess.run(["mvn", *options, _COPY], cwd=aside, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Maven could not bring Kafka's jars: {(done.stdout + done.stderr)[-2000:]}")
        if not kept.is_dir():  # another process may have been quicker
            jars.rename(kept)
    return kept
