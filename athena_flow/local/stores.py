"""A directory as a store of objects: what lies where, in the order of S3's keys."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from athena_flow.errors import AccessDenied, BadFile, NotFound
from athena_flow.ports import Level, ObjectInfo, file_stamp, is_visible


def folder_location(text: str) -> str:
    """``--location`` on this machine as a TableSpec takes it: absolute, ending in ``/``.

    Raises NotFound when there is no such directory.
    """
    path = Path(text)
    if path.is_file():
        raise NotFound(f"{text} is a file, not a directory", hint=f"give its folder: {path.parent}")
    if not path.is_dir():
        raise NotFound(f"no directory {text}")
    return f"{path.resolve().as_posix().rstrip('/')}/"


class DirStore:
    """Objects that are files, by absolute path. Raises NotFound, AccessDenied."""

    def level(self, prefix: str) -> Level:
        folders, objects = [], []
        for entry in _entries(prefix):
            if _is_folder(entry):
                folders.append(f"{entry.name}/")
            elif is_visible(entry.name) and os.path.isfile(entry.path):
                objects.append(entry.name)
        return Level(tuple(sorted(folders)), tuple(sorted(objects)))

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        for entry in below(prefix):
            if entry.object and not entry.hidden:
                yield entry.object

    def read(self, uri: str, most: int | None) -> bytes:
        try:
            with open(uri, "rb") as file:
                return file.read() if most is None else file.read(most)
        except OSError as error:
            raise BadFile(f"{uri}: cannot be read: {error.strerror}") from None

    def tail(self, uri: str, most: int) -> bytes:
        try:
            with open(uri, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - most))
                return file.read(most)
        except OSError as error:
            raise BadFile(f"{uri}: cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class File:
    """What lies in a folder and is no folder: a file, or a pipe, or a link to nothing."""

    path: str
    object: ObjectInfo | None
    """None for what is no regular file, also for one that was removed while it was listed."""
    hidden: bool
    """From Athena, and so from us: a name that starts with ``_`` or ``.``."""


def _object_at(path: str) -> ObjectInfo | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return ObjectInfo(path, found.st_size, file_stamp(found))


def is_gone(uri: str) -> bool:
    """Was a file of this machine removed since it was listed?"""
    return uri.startswith("/") and not os.path.lexists(uri)


def below(prefix: str, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[File]:
    """All files below a folder in the order of S3's keys; links are followed, but in no circle."""
    entries = [(entry, _is_folder(entry)) for entry in _entries(prefix)]
    if entries and not above:
        above = frozenset(filter(None, [_identity(prefix)]))
    for entry, folder in sorted(entries, key=lambda e: e[0].name + "/" * e[1]):
        path = f"{prefix}{entry.name}"
        if not folder:
            yield File(path, _object_at(path), not is_visible(entry.name))
            continue
        here = _identity(path)
        if here and here not in above:
            yield from below(path + "/", above | {here})


def _identity(path: str) -> tuple[int, int] | None:
    """What a folder is by any of its names; None for one that was removed meanwhile."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Like S3, where a prefix that nothing has is empty; only its own bucket can be missing."""
    try:
        return list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        raise AccessDenied(f"listing {folder}: permission denied") from None
