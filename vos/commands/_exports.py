"""Exporting from the command line, with a bar of progress."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from vos import downloads, plugins
from vos.commands import _out
from vos.downloads import Exported
from vos.errors import InvalidInput
from vos.store import Store
from vos.types import Options, Result
from vos.video.finish import Finish
from vos.video.masks import replacing


def arguments(parser: ArgumentParser, of: str = "") -> None:
    """Declare --export; `of` says of what in its help."""
    parser.add_argument(
        "--export",
        action="append",
        default=[],
        choices=plugins.names(plugins.EXPORTS),
        metavar="NAME",
        help=f"also write this export{of} (python -m vos export --list); may be given several times",
    )


def write(
    store: Store,
    result: Result,
    name: str,
    options: Options,
    target: Path | None,
    finish: Finish | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Export with a bar of progress; return the file, by default in the current folder under its own name.

    Raises:
        InvalidInput: the target is a folder, its folder is not there, or it exists and may not be replaced;
            or as `downloads.run_export`.
    """
    target = target or Path(downloads.file_name(result, downloads.file_of(name)))
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"--out {target} is a folder or in a folder that is not there; a file is needed")
    _out.check_file(target, overwrite=overwrite)
    with (
        store.workspace() as folder,
        closing(downloads.run_export(store, result, name, options, Path(folder), finish)) as steps,
        tqdm(unit="frame", disable=None, leave=False, desc=name) as bar,
    ):
        for item in steps:
            if isinstance(item, Exported):
                with replacing(target) as part:
                    shutil.copyfile(item.path, part)
                return target
            bar.total = item.total
            bar.update(item.done - bar.n)
    raise AssertionError("an export ended without a file")
