"""What an agent is given to read: files, results of earlier subtasks, notes. Bounded, and only from FILE_ROOTS.

A file that is missing, no text or too large is reported to the model and in the result; it ends the attempt only where
the pack says that it is ``required``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import msgspec
from pydantic import Field, ValidationError

from engine.agents.symbols import SymbolInfo, symbols_of
from engine.errors import ContextLoadError, ToolError
from engine.model import Json, Value
from engine.tools.base import Input
from engine.tools.faults import faults_of
from engine.tools.roots import Roots
from engine.tools.threads import in_thread

MOST_FILES = 200
MOST_FILE_BYTES = 256 * 1024
MOST_BYTES = 1024 * 1024
"""All that a model is given to read, as text."""
_LOOKED_AT = 10_000
"""Names of a folder that are looked at."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class FileContent(Input):
    """One file: with its content, or to be read from FILE_ROOTS."""

    path: str = Field(min_length=1, max_length=4_096)
    """Relative to the first of FILE_ROOTS, or absolute below one of them."""
    content: str | None = Field(default=None, max_length=MOST_FILE_BYTES)
    """Its text; read from the path unless given."""
    required: bool = False
    """Without it the agent does not begin."""


class ContextPack(Input):
    """What an agent is given to read."""

    files: list[FileContent] = Field(default_factory=list, max_length=MOST_FILES)
    """Files, in the order in which they are told."""
    results: dict[str, Json] = Field(default_factory=dict, max_length=1_000)
    """Results of earlier subtasks by any name, as references: {"rows": "{{subtasks.fetch.output}}"}."""
    notes: str = Field(default="", max_length=MOST_BYTES)
    """Anything else that it should know."""


class LoadedFile(Value, frozen=True):
    """A file as the model gets it."""

    path: str
    content: str
    symbols: list[SymbolInfo]


class Loaded(Value, frozen=True):
    """A context that was loaded; ``missing`` says of each file that is not there why."""

    files: list[LoadedFile] = msgspec.field(default_factory=list)
    results: dict[str, Json] = msgspec.field(default_factory=dict)
    notes: str = ""
    missing: list[str] = msgspec.field(default_factory=list)

    def text(self) -> str:
        """As the model gets it; "" where there is nothing to read."""
        parts = [_told(file) for file in self.files]
        parts += [f'<result name="{name}">\n{_json(value)}\n</result>' for name, value in self.results.items()]
        parts += [f"<notes>\n{self.notes}\n</notes>"] if self.notes else []
        parts += ["<missing>\n" + "\n".join(self.missing) + "\n</missing>"] if self.missing else []
        return "<context>\n" + "\n".join(parts) + "\n</context>" if parts else ""


class ContextLoader:
    """Loads contexts from below FILE_ROOTS.

    Args:
        roots: the folders.
        grace: seconds that a reading thread gets to end when it is cancelled.
    """

    def __init__(self, roots: Roots, grace: float) -> None:
        self._roots, self._grace = roots, grace

    def fault(self, path: str) -> str | None:
        """What is surely wrong with a path; None when nothing is."""
        return self._roots.fault(path)

    async def load(self, pack: ContextPack) -> Loaded:
        """A pack with the content of its files.

        Raises:
            ContextLoadError: a required file is missing, or all of it is too much.
        """
        return await in_thread(lambda: self._loaded(pack), grace=self._grace)

    async def load_from_path(self, path: str) -> Loaded:
        """What is at a path: a folder with all its text files, a pack (``.json``), or one text file.

        Raises:
            ContextLoadError: nothing is there, it is no pack, or it is too much.
        """
        return await in_thread(lambda: self._loaded(self._at(path)), grace=self._grace)

    def _at(self, path: str) -> ContextPack:
        try:
            _, target = self._roots.resolve(path)
        except ToolError as error:
            raise ContextLoadError(str(error), suggestion=error.suggestion) from None
        if target.is_dir():
            return ContextPack(files=[FileContent(path=found) for found in self._inside(str(target))])
        if not path.endswith(".json"):
            return ContextPack(files=[FileContent(path=path, required=True)])
        return read_pack(path, self._read(path))

    def _inside(self, folder: str) -> list[str]:
        """The files of a folder, hidden ones left out, by name."""
        found: list[str] = []
        for number, file in enumerate(_walk(folder)):
            if len(found) > MOST_FILES or number >= _LOOKED_AT:
                raise ContextLoadError(
                    f"the folder {folder} has more than {MOST_FILES} files",
                    suggestion="Name a smaller folder, or list the files that matter in a pack.",
                )
            found.append(file)
        return found

    def _loaded(self, pack: ContextPack) -> Loaded:
        files: list[LoadedFile] = []
        missing: list[str] = []
        for file in pack.files:
            try:
                text = self._read(file.path) if file.content is None else file.content
            except ContextLoadError as error:
                if file.required:
                    raise
                missing.append(str(error))
            else:
                files.append(LoadedFile(file.path, text, symbols_of(file.path, text)))
        loaded = Loaded(files, pack.results, pack.notes, missing)
        if (size := len(loaded.text().encode())) > MOST_BYTES:
            raise ContextLoadError(
                f"the context has {size} bytes, and {MOST_BYTES} are the most that an agent gets to read",
                suggestion="Leave files out, or let the agent read them with read_file.",
            )
        return loaded

    def _read(self, path: str) -> str:
        try:
            with self._roots.open(path) as place:
                data = _bytes(place.folder, place.name)
            text = data.decode()
        except ToolError as error:
            raise ContextLoadError(str(error), suggestion=error.suggestion) from None
        except OSError as error:
            raise _missing(path, error.strerror or str(error)) from None
        except UnicodeDecodeError:
            raise _missing(path, "it is no UTF-8 text") from None
        if len(data) > MOST_FILE_BYTES:
            raise _missing(path, f"it is larger than {MOST_FILE_BYTES} bytes")
        return text


def read_pack(name: str, text: str) -> ContextPack:
    """A pack from JSON text; raises ``ContextLoadError`` with its faults."""
    try:
        return ContextPack.model_validate_json(text)
    except ValidationError as error:
        faults = [f"/{'/'.join(map(str, path))}: {message}" for path, message in faults_of(error, ContextPack)]
        raise ContextLoadError(
            f"{name} is no context pack: {'; '.join(faults[:5])}",
            suggestion='A pack is {"files": [{"path", "content"?, "required"?}], "results": {}, "notes": ""}.',
        ) from None


def _bytes(folder: int, name: str) -> bytes:
    descriptor = os.open(name, _READ, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no regular file")
        return file.read(MOST_FILE_BYTES + 1)


def _walk(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(place, name) for name in sorted(names) if not name.startswith("."))  # noqa: PTH118


def _missing(path: str, why: str) -> ContextLoadError:
    return ContextLoadError(f"{path}: {why}", suggestion="Correct the path, or leave the file out of the context.")


def _told(file: LoadedFile) -> str:
    outline = "".join(
        f"\n  {symbol.line}-{symbol.end_line} {symbol.kind} {symbol.name}{symbol.signature}" for symbol in file.symbols
    )
    symbols = f"\n<symbols>{outline}\n</symbols>" if outline else ""
    return f'<file path="{file.path}">{symbols}\n{file.content}\n</file>'


def _json(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
