#!/usr/bin/env bash
# Pin the newest versions that infra/requirements*.in allow, with hashes and without any address.
# uv goes into a virtual environment of its own, because Waxwing itself does not need it.
set -euo pipefail
cd "$(dirname "$0")"

[ -x ../.venv-lock/bin/uv ] || { "${PYTHON:-python3}" -m venv ../.venv-lock && ../.venv-lock/bin/pip install --quiet uv; }
for name in requirements requirements-dev; do
  ../.venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$name.in" -o "$name.txt"
done
