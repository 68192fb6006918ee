"""A multipart form as it arrives, in pieces: its clip to the uploads, its other files to a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from vos import uploads
from vos.api.uploads import check_size, pieces
from vos.errors import InvalidInput
from vos.folders import explaining
from vos.store import Store
from vos.uploads import Incoming, Upload

CLIP = "clip"
MOST_PARTS = 300
FIELD_BYTES = 2**18
FILE_BYTES = 2**25


@dataclass(frozen=True)
class Part:
    """A file of the form: the field's name, the file's own name, and where it is."""

    field: str
    name: str
    path: Path


@dataclass
class Form:
    """What has arrived."""

    clip: Upload | None = None
    files: list[Part] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str, default: str = "") -> str:
        """Return a field's text.

        Raises:
            InvalidInput: it is there twice.
        """
        given = self.fields.get(name, [default])
        if len(given) > 1:
            raise InvalidInput(f"the field {name} is there {len(given)} times; once is allowed")
        return given[0]


async def read_form(request: Request, store: Store, folder: Path, allowed: Iterable[str]) -> Form:
    """Read a request's form; files other than the clip go to the folder, which must stay as long as they do.

    Raises:
        InvalidInput: no form, a broken one, one with fields that are not allowed, or with too much in it.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInput("the request is no form; multipart/form-data with a boundary is needed")
    reader = _Reader(boundary, store, folder, tuple(allowed))
    with reader.closing:
        async for piece in pieces(request):
            await to_thread.run_sync(reader.feed, piece)
        return await to_thread.run_sync(reader.finish)


class _Reader:
    """Sorts the parts of a form as the parser names them."""

    def __init__(self, boundary: bytes, store: Store, folder: Path, allowed: tuple[str, ...]) -> None:
        self._store, self._folder, self._allowed = store, folder, allowed
        self._form, self._count, self._ended = Form(), 0, False
        self._header, self._value, self._disposition = b"", b"", b""
        self._name, self._text, self._size = "", bytearray(), 0
        self._file: BinaryIO | None = None
        self._incoming: Incoming | None = None
        self.closing = contextlib.ExitStack()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finished,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise InvalidInput(f"the form is broken: {error}") from error

    def finish(self) -> Form:
        """Return all that came."""
        if not self._ended:
            raise InvalidInput("the form ends before its last boundary")
        return self._form

    def _begin(self) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise InvalidInput(f"the form has more than {MOST_PARTS} parts")
        self._header, self._value, self._disposition = b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        base = self._name.partition("[")[0]
        if base not in self._allowed:
            raise InvalidInput(f"the form has a field {base[:40]!r}; allowed are: {', '.join(self._allowed)}")
        self._text, self._size, self._file, self._incoming = bytearray(), 0, None, None
        if b"filename" not in options:
            return
        called = options[b"filename"].decode("utf-8", "replace")[-255:] or self._name
        if self._name == CLIP:
            if self._form.clip is not None:
                raise InvalidInput("the form has two clips; one is allowed")
            self._incoming = self.closing.enter_context(Incoming(called, self._store.folder / "uploads"))
            return
        path = self._folder / f"{self._count}{uploads.suffix(called)}"
        self._file = self.closing.enter_context(path.open("wb"))
        self._form.files.append(Part(self._name, called, path))

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        self._size += len(piece)
        if self._incoming:
            check_size("the clip", self._size)
            self._incoming.write(piece)
            return
        most = FILE_BYTES if self._file else FIELD_BYTES
        if self._size > most:
            raise InvalidInput(f"{self._name} has more than {most >> 10} KB; at most that is allowed")
        if self._file:
            with explaining(self._folder):
                self._file.write(piece)
        else:
            self._text += piece

    def _end(self) -> None:
        if self._incoming:
            self._form.clip = self._incoming.finish()
        elif self._file:
            with explaining(self._folder):
                self._file.close()
        else:
            text = self._text.decode("utf-8", "replace")
            self._form.fields.setdefault(self._name, []).append(text)

    def _finished(self) -> None:
        self._ended = True
