"""The options that say where, and in which numbers, networks compute."""

from __future__ import annotations

from argparse import ArgumentParser


def arguments(parser: ArgumentParser) -> None:
    """Declare --device and --precision, for vos.net.device.choose."""
    parser.add_argument("--device", default="auto", help="cpu, cuda or mps; default: the best there is")
    parser.add_argument("--precision", default="auto", help="float32 or bfloat16; default: the faster")
