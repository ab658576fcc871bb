#!/bin/sh
# Runs the fuzzer (tests/fuzz/fuzz_messages.py) in a throw-away environment that sees .venv and adds
# the extra "fuzz". Arguments: requests or answers, then options of libFuzzer.
set -eu
venv=${VENV:-.venv}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$venv/bin/python" -m venv "$folder/venv"
seen=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mine=$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$seen" > "$mine/seen.pth"
wanted=$("$venv/bin/python" -c 'import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
print(*project["optional-dependencies"]["fuzz"])')
# shellcheck disable=SC2086
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check $wanted
"$folder/venv/bin/python" -m tests.fuzz.fuzz_messages "$@"
