"""python -m vos weights: what trained numbers there are, and official checkpoints made into ours."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from vos import plugins, weights
from vos.commands import _out
from vos.errors import InvalidInput, MissingWeights
from vos.net.models import click, lite
from vos.net.train.checkpoint import read_tensors, write_tensors
from vos.types import Weight

HELP = "list the engines' weights, import an official checkpoint, or pack trained weights to be shipped"
NESTS = ("model", "state_dict", "network")  # under which checkpoints keep the tensors among other things


def arguments(parser: ArgumentParser) -> None:
    """Declare the subcommands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    commands.add_parser("list", help="a table of all weights")
    take = commands.add_parser("import", help="make a checkpoint of the authors' into a file in weights/")
    take.add_argument("network", choices=tuple(_importers()), help="whose checkpoint it is")
    take.add_argument("file", type=Path, metavar="FILE", help="as downloaded, .pth")
    take.add_argument("--variant", help="of the network, where there are several")
    small = commands.add_parser("pack", help="round trained weights to float16, as the shipped ones are")
    small.add_argument("file", type=Path, metavar="FILE", help="what `train` wrote")
    small.add_argument("target", type=Path, metavar="OUT", help="the smaller file")
    small.add_argument(
        "--without", metavar="PART", help="of the network, as trunk, where it is in a file of its own"
    )
    _out.arguments(small)


def run(args: Namespace) -> int:
    """List, import or pack.

    Raises:
        VosError: the sentence says what to change.
    """
    if args.action == "import":
        print(f"made {import_checkpoint(args.network, args.file, args.variant)}")
        return 0
    if args.action == "pack":
        _out.check_file(args.target, overwrite=args.overwrite)
        pack(args.file, args.target, args.without)
        print(f"made {args.target}, sha256 {weights.sha256_of(args.target)}")
        return 0
    for package in (plugins.ENGINES, plugins.PICKERS):
        for name in plugins.names(package):
            for weight in plugins.load(package, name).WEIGHTS:
                print(f"{name:<10}  {weight.name:<34}  {_state(weight)}")
    return 0


def import_checkpoint(network: str, file: Path, variant: str | None = None) -> Path:
    """Write the weights that an official checkpoint holds to weights/, and return where.

    Raises:
        InvalidInput: an unknown variant, or the file is not a checkpoint of this network.
    """
    module = _importers()[network]
    official: Mapping[str, str] = module.OFFICIAL
    if variant is None and len(official) == 1:
        variant = next(iter(official))
    if variant is None or variant not in official:
        got = f"got {variant!r}" if variant else "none was named"
        raise InvalidInput(f"--variant for {network} is one of: {', '.join(official)}; {got}")
    tensors = module.from_official(variant, read_checkpoint(file))
    target = weights.FOLDER / official[variant]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(tensors, target, {})
    return target


def pack(source: Path, target: Path, without: str | None = None) -> None:
    """Write weights in half precision, without batch norm's counts of batches, which only training reads.

    Raises:
        InvalidInput: the source is missing, or not safetensors.
    """
    tensors = {key: v for key, v in read_tensors(source).items() if not key.endswith("num_batches_tracked")}
    if without:
        tensors = {key: v for key, v in tensors.items() if not key.startswith(f"{without}.")}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_tensors({key: v.half() for key, v in sorted(tensors.items())}, target, {})
    target.chmod(0o644)


def read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a torch checkpoint by name, without code being run, prefixes or wrapping.

    Raises:
        InvalidInput: the file is missing, not a torch checkpoint, holds code, or no tensors by name.
    """
    if not file.is_file():
        raise InvalidInput(f"{file} is not a file")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # on a file of another kind torch.load raises whatever its parsers meet
        raise InvalidInput(f"{file} is not a torch checkpoint of tensors alone") from error
    for name in NESTS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    tensors = content if isinstance(content, Mapping) else {}
    if not tensors or not all(isinstance(t, Tensor) and isinstance(n, str) for n, t in tensors.items()):
        raise InvalidInput(f"{file} holds no tensors by name")
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _importers() -> dict[str, ModuleType]:
    """Return what reads official weights: engines by name, and what training starts from."""
    modules = {name: plugins.load(plugins.ENGINES, name) for name in plugins.names(plugins.ENGINES)}
    return {name: m for name, m in modules.items() if getattr(m, "OFFICIAL", None)} | {
        "trunk": lite,
        "deep": click,
    }


def _state(weight: Weight) -> str:
    """Say how large a file is, or why there is none."""
    path = weights.FOLDER / weight.name
    if not path.exists():
        return "missing: " + ("see weights/README.md" if weight.sha256 else "python -m vos weights import")
    try:
        weights.locate(weight, weights.FOLDER)
    except MissingWeights:
        return "not the file it should be"
    return f"{path.stat().st_size / 1e6:.1f} MB, present"
