"""python -m vos serve: start the dashboard; what `scripts/run` does once everything is installed."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "start the dashboard in the browser at localhost"
PACKAGE = Path(__file__).parents[1]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", type=int, default=8501, help="default: %(default)s")
    parser.add_argument("rest", nargs="*", metavar="-- OPTION", help="options of `streamlit run`")


def app_path() -> Path:
    """Return the dashboard's script: beside the package in a checkout, in vos_app/ once installed."""
    beside = PACKAGE.parent / "streamlit_app.py"
    return beside if beside.exists() else PACKAGE.parent / "vos_app" / "streamlit_app.py"


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from streamlit.web import cli  # loads all of Streamlit

    words = ["run", str(app_path()), "--server.port", str(args.port), *args.rest]
    cli.main(words, prog_name="streamlit", standalone_mode=False)
    return 0
