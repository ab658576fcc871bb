#!/bin/sh
# Makes the virtual environment named by $1 and installs the project with its development extra.
# Each thing that can be missing on a fresh machine gets one line that says what to do.
set -eu
venv=$1

python=
for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
  if command -v "$name" >/dev/null 2>&1 &&
     "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=$name
    break
  fi
done
if [ -z "$python" ]; then
  echo "setup: no Python 3.11 or newer was found; install one (Debian: apt-get install python3" \
       "python3-venv, macOS: brew install python), or name it: make PYTHON=/path/to/python" >&2
  exit 2
fi

if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "setup: installing python3-venv"
    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
  else
    echo "setup: $python cannot make virtual environments; install its venv package" \
         "(Debian: apt-get install python3-venv)" >&2
    exit 2
  fi
fi

"$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || {
  echo "setup: making $venv with $python"
  rm -rf "$venv"
  "$python" -m venv "$venv"
}
echo "setup: installing (once; about a minute)"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
     --constraint constraints.txt --editable '.[dev]'; then
  echo "setup: pip could not install the dependencies (its reason is above); with a package index" \
       "within reach, run make again" >&2
  exit 2
fi
