"""A stored result as one file, to keep elsewhere or to bring into another store."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from vos.errors import DamagedResult, InvalidInput
from vos.store import FILES, Store
from vos.store.folder import META, NAMES, describe, read_entry
from vos.types import Result
from vos.video.masks import MaskReader, replacing


def pack(store: Store, result_id: str, target: Path) -> None:
    """Write a result, with its clip and its marks, as a zip; whole or not at all.

    Raises:
        InvalidInput: there is no such result.
    """
    with store.workspace() as folder:
        result = store.borrow(result_id, Path(folder))
        if result is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        files = {name: path for name, path in result.files.items() if name in NAMES}
        sizes = {name: path.stat().st_size for name, path in files.items()}
        with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
            archive.writestr(META, describe(result, sizes, store.marking.of(result_id)))
            for name, path in files.items():
                archive.write(path, NAMES[name])


def unpack(store: Store, source: Path) -> Result:
    """Bring what `pack` wrote into a store, with its marks, and return it; what is there stays.

    Raises:
        InvalidInput: it is another file, or damaged.
    """
    with store.workspace() as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(source) as archive:
                for member in archive.infolist():
                    if member.filename not in (META, *NAMES.values()):
                        raise InvalidInput(f"{source.name} holds {member.filename[:40]!r}; a result does not")
                    with archive.open(member) as packed, (folder / member.filename).open("xb") as file:
                        shutil.copyfileobj(packed, file, 2**20)
            result, entry = read_entry(folder)
            with MaskReader(result.files["masks"]) as masks:
                if len(masks) != result.frames:
                    raise DamagedResult(f"it has {len(masks)} masks for {result.frames} frames")
        except FileNotFoundError:
            raise InvalidInput(f"there is no file {source}") from None
        except (zipfile.BadZipFile, DamagedResult, KeyError, RuntimeError, FileExistsError) as error:
            raise InvalidInput(f"{source.name} is not a result that `store export` wrote: {error}") from error
        if missing := [name for name in (*FILES, "source") if name not in result.files]:
            raise InvalidInput(f"{source.name} lacks {', '.join(missing)} of its result")
        return store.put(result, result.files, entry.marks)
