"""What a directory holds when the process that writes there is killed, or the machine loses power.

The writer runs in this process. A profile hook looks at the directory after every call that it makes into the
operating system, the files or librrd: what is there then is what a SIGKILL at that moment leaves, for the kernel keeps
all that a process has handed over. Inside a call, a change in place can be half done: librrd stores through a mapping,
word by word, and the kernel takes a long write page by page.

Power takes more away: of a file what was not synced since, page by page, and of a folder the names.
"""

from __future__ import annotations

import os
import random
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Self
from unittest import mock

Content = Mapping[str, bytes | None]
"""By path below the directory; None is a folder."""

WORD, PAGE = 8, 4096
_WRITERS = {"posix", "_io", "rrdtool"}
_READING = {"stat", "lstat", "fspath", "scandir", "listdir", "getpid", "read", "fileno", "isatty", "seek", "tell"}


@dataclass(frozen=True)
class Tree:
    """Folders and files by inode."""

    folders: Mapping[int, Mapping[str, int]]
    files: Mapping[int, bytes]


@dataclass(frozen=True)
class Moment:
    """What every process sees of a directory, and what of it is on disk."""

    root: int
    seen: Tree
    synced: Tree

    def killed(self) -> Content:
        """What a kill leaves."""
        return dict(_paths(self.seen, self.root, ""))

    def power_lost(self, chance: random.Random) -> Content:
        """What a loss of power leaves: of each name and page not synced the old or the new one, at random."""
        return dict(_lost(self, self.root, "", chance))


def _paths(tree: Tree, folder: int, above: str) -> Iterator[tuple[str, bytes | None]]:
    for name, inode in tree.folders[folder].items():
        if inode in tree.folders:
            yield above + name, None
            yield from _paths(tree, inode, f"{above}{name}/")
        else:
            yield above + name, tree.files[inode]


def _lost(moment: Moment, folder: int, above: str, chance: random.Random) -> Iterator[tuple[str, bytes | None]]:
    now, before = moment.seen.folders[folder], moment.synced.folders.get(folder, {})
    share = chance.choice((0.0, 0.5, 1.0))
    for name in sorted(now.keys() | before.keys()):
        inode = (now if chance.random() < share else before).get(name)
        if inode is None:
            continue
        if inode in moment.seen.folders:
            yield above + name, None
            yield from _lost(moment, inode, f"{above}{name}/", chance)
        else:
            yield above + name, _mixed_pages(moment.synced.files.get(inode, b""), moment.seen.files[inode], chance)


def _mixed_pages(old: bytes, new: bytes, chance: random.Random) -> bytes:
    if old == new:
        return new
    share = chance.choice((0.0, 0.5, 1.0))
    size = len(new if chance.random() < share else old)
    old, new = old.ljust(size, b"\0"), new.ljust(size, b"\0")
    pages = range(0, size, PAGE)
    return b"".join((new if chance.random() < share else old)[page : page + PAGE] for page in pages)[:size]


def _half_done(before: Moment, after: Moment, chance: random.Random) -> Iterator[Content]:
    """What a kill inside the call between two moments leaves, for each file that it wrote."""
    for inode, new in after.seen.files.items():
        old = before.seen.files.get(inode, b"")
        if new is not old:
            for part in _parts(old, new, chance):
                files = {**after.seen.files, inode: part}
                yield replace(after, seen=replace(after.seen, files=files)).killed()


def _parts(old: bytes, new: bytes, chance: random.Random) -> Iterator[bytes]:
    """Half of what was written: the first half, the last one, and words at random. What was there before stays."""
    if len(old) != len(new):
        kept = len(old) if new.startswith(old) else 0
        yield new[: (kept + len(new)) // 2]
        return
    changed = [word for word in range(0, len(new), WORD) if old[word : word + WORD] != new[word : word + WORD]]
    for order in (changed, changed[::-1], chance.sample(changed, len(changed))):
        part = bytearray(old)
        for word in order[: (len(order) + 1) // 2]:
            part[word : word + WORD] = new[word : word + WORD]
        yield bytes(part)


class Watch:
    """Notes the moments of a directory while the context lasts. Nothing is really synced meanwhile, which is noted."""

    def __init__(self, directory: Path) -> None:
        self.moments: list[Moment] = []
        self._directory = directory
        self._root = directory.stat().st_ino
        self._pins: dict[int, int] = {}
        self._busy = False
        self._patch = mock.patch.object(os, "fsync", self._fsync)

    def __enter__(self) -> Self:
        self._seen = self._look(Tree({}, {}))
        self._synced = self._seen
        self._note()
        self._patch.start()
        sys.setprofile(self._hook)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._patch.stop()
        self._note()
        for descriptor in self._pins.values():
            os.close(descriptor)

    def _hook(self, _frame: FrameType, event: str, function: object) -> None:
        if not self._busy and event in ("c_return", "c_exception") and _may_write(function):
            self._note()

    def _note(self) -> None:
        self._busy = True
        try:
            self._seen = self._look(self._seen)
            moment = Moment(self._root, self._seen, self._synced)
            if not self.moments or moment != self.moments[-1]:
                self.moments.append(moment)
        finally:
            self._busy = False

    def _fsync(self, descriptor: int) -> None:
        self._note()
        self._busy = True
        inode = os.fstat(descriptor).st_ino
        part = "folders" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "files"
        parts = {name: dict(getattr(self._synced, name)) for name in ("folders", "files")}
        if inode in getattr(self._seen, part):
            parts[part][inode] = getattr(self._seen, part)[inode]
            self._synced = Tree(**parts)
        self._note()

    def _look(self, before: Tree) -> Tree:
        folders: dict[int, dict[str, int]] = {}
        files = dict(before.files)
        waiting = [(self._root, str(self._directory))]
        while waiting:
            folder, path = waiting.pop()
            names = folders[folder] = {}
            with os.scandir(path) as entries:
                for entry in entries:
                    inode = names[entry.name] = entry.inode()
                    if entry.is_dir():
                        waiting.append((inode, entry.path))
                        continue
                    content = self._read(inode, entry)
                    # One object for the same content makes moments cheap to compare.
                    files[inode] = content if content != files.get(inode) else files[inode]
        return Tree(folders, files)

    def _read(self, inode: int, entry: os.DirEntry[str]) -> bytes:
        # An open file keeps its inode from being used again under another name.
        if inode not in self._pins:
            self._pins[inode] = os.open(entry.path, os.O_RDONLY)
        return os.pread(self._pins[inode], entry.stat().st_size, 0)


def _may_write(function: object) -> bool:
    of = getattr(function, "__self__", None)
    module = getattr(of, "__name__", None) or type(of).__module__
    return module in _WRITERS and getattr(function, "__name__", "") not in _READING


def kills(moments: list[Moment], chance: random.Random) -> list[Content]:
    """What a kill at each of the moments, and half way between two, leaves; each once."""
    found: dict[object, Content] = {}
    for before, moment in zip([None, *moments], moments, strict=False):
        for state in [*(_half_done(before, moment, chance) if before else ()), moment.killed()]:
            found.setdefault(identity(state), state)
    return list(found.values())


def identity(content: Content) -> object:
    """Equal for equal contents."""
    return frozenset((path, hash(data)) for path, data in content.items())


def put(directory: Path, content: Content) -> None:
    """Makes a directory hold this content and nothing else."""
    for path in sorted(directory.rglob("*"), reverse=True):
        if str(path.relative_to(directory)) not in content:
            path.rmdir() if path.is_dir() else path.unlink()
    for name, data in sorted(content.items()):
        path = directory / name
        if data is None:
            path.mkdir(exist_ok=True)
        elif not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)


def content_of(directory: Path) -> Content:
    """What a directory holds."""
    paths = directory.rglob("*")
    return {str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes() for path in paths}
