"""What a script looks at before it imports anything else: is this Python, are the packages, enough?

Must run, and import, on any Python 3: it is what tells that another one is needed.
"""

import importlib.util
import sys

OLDEST = (3, 11)
PACKAGES = (
    "fastapi",
    "httptools",
    "httpx",
    "numpy",
    "prometheus_client",
    "psutil",
    "pydantic",
    "pydantic_settings",
    "tqdm",
    "uvicorn",
    "yaml",
)


def check(program: str) -> None:
    """Ends the process with exit code 2 and one line that says what to do, unless all is there."""
    if sys.version_info < OLDEST:
        _end(
            f"{program}: Python 3.11 or newer is needed, this is {sys.version.split()[0]}; "
            "make setup finds one"
        )
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            _end(
                f"{program}: the package {package} is missing; run make setup and use "
                ".venv/bin/python, or pip install -e ."
            )


def _end(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.exit(2)
