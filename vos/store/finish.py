"""The finishing touches of a result, a small file beside the others: they are no part of what it is."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from vos.errors import VosError
from vos.store import Store
from vos.types import Result
from vos.video.finish import Finish, as_mapping, read_finish

log = logging.getLogger(__name__)

KIND = "finish"


def finish_of(result: Result) -> Finish:
    """Return the touches that are kept with a result; those that do nothing where none are, or none read."""
    for name, path in result.files.items():
        if name.rpartition("-")[0] == KIND:
            try:
                given: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
                return read_finish({key: str(value) for key, value in given.items()})
            except (OSError, ValueError, AttributeError, VosError) as error:
                log.warning("the finish of result %s does not read: %s", result.id, error)
    return Finish()


def keep_finish(store: Store, result_id: str, finish: Finish) -> None:
    """Keep touches with a result, in place of earlier ones: the player and exports take them from now on.

    Raises:
        InvalidInput: there is no such result.
        StorageUnavailable: the store cannot be written, or its disk is full.
    """
    text = json.dumps(as_mapping(finish))
    name = f"{KIND}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with store.workspace() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        store.add_file(result_id, name, path)
