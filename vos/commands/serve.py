"""python -m vos serve: start the dashboard; what `scripts/run` does once everything is installed."""

from __future__ import annotations

import argparse
import os
import runpy
import secrets
import socket
import sys
from pathlib import Path

from vos import sharing
from vos.errors import InvalidInput

HELP = "start the dashboard in the browser at localhost"
PACKAGE = Path(__file__).parents[1]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", type=int, default=8501, help="default: %(default)s")
    parser.add_argument(
        "--share",
        action="store_true",
        help="to others on this network, too: they look, the link with the token may change",
    )
    parser.add_argument(
        "--embed-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site, such as https://films.example, whose pages may show the dashboard in an iframe; may be "
        "given several times",
    )
    parser.add_argument("rest", nargs="*", metavar="-- OPTION", help="options of `streamlit run`")


def app_path() -> Path:
    """Return the dashboard's script: beside the package in a checkout, in vos_app/ once installed."""
    beside = PACKAGE.parent / "streamlit_app.py"
    return beside if beside.exists() else PACKAGE.parent / "vos_app" / "streamlit_app.py"


def _share(port: int) -> list[str]:
    """Make a token, print the link with it and the one for guests, and return the options of Streamlit."""
    address, name = lan_address(), socket.gethostname().lower()
    names = [address, name] + ([] if "." in name else [f"{name}.local"])
    token = os.environ[sharing.TOKEN] = os.environ.get(sharing.TOKEN) or secrets.token_urlsafe(18)
    print(f"serve: others may look at        http://{address}:{port}")
    print(f"serve: you, and who may change:  http://{address}:{port}/?token={token}")
    allowed = [word for name in names for word in ("--server.allowedHosts", name)]
    return ["--server.address", address, *allowed, "--browser.serverAddress", address]


def lan_address() -> str:
    """Return this computer's address in its network.

    Raises:
        InvalidInput: it is in none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which way would be taken
            address: str = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        raise InvalidInput("this computer is in no network; without --share the dashboard is at localhost")
    return address


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if args.embed_origin:
        os.environ[sharing.EMBED] = " ".join(sharing.read_origins(args.embed_origin))
    sharing.embedders()  # what the environment names is looked over before anything starts
    shared = _share(args.port) if args.share else []
    sys.argv = ["streamlit", "run", str(app_path()), "--server.port", str(args.port), *shared, *args.rest]
    runpy.run_module("streamlit", run_name="__main__")
    return 0
