#!/usr/bin/env bash
# Make .venv and install what is pinned: `infra/venv.sh run` to run Waxwing, `infra/venv.sh test` to check it as well.
# Done once for each content of the lock; pip takes its settings from the environment, as ever.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  run) lock=infra/requirements.txt ;;
  test) lock=infra/requirements-dev.txt ;;
  *) echo "usage: infra/venv.sh run|test" >&2; exit 2 ;;
esac

fits() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; }

if ! [ -x .venv/bin/python ]; then
  for python in ${PYTHON:-python3 python3.12 python3.11}; do
    if fits "$python"; then break; fi
    python=
  done
  if [ -z "$python" ]; then
    echo "Waxwing needs Python 3.11 or 3.12; none of these is one: ${PYTHON:-python3 python3.12 python3.11}" >&2
    echo "Install one, or name it: make PYTHON=/path/to/python3.12 …" >&2
    exit 2
  fi
  "$python" -m venv .venv
elif ! fits .venv/bin/python; then
  echo "the Python of .venv does not run, or is not 3.11 or 3.12: remove the folder .venv and try again" >&2
  exit 2
fi

stamp=".venv/installed-$1-$(cat "$lock" pyproject.toml | cksum | cut -d' ' -f1)"
if ! [ -e "$stamp" ]; then
  echo "installing what $lock pins into .venv" >&2
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  rm -f .venv/installed-"$1"-*
  touch "$stamp"
fi
