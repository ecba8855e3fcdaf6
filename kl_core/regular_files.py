"""Opens files that others write, where anything may have been put in their place, and never waits for one.

A named pipe, a device, or a link to either would make a reader wait or fill memory for ever. Only regular files are
read, and no more of them than is asked for.
"""

import errno
import mmap
import os
import stat
from io import BufferedReader
from pathlib import Path

_READING = os.O_RDONLY | os.O_NONBLOCK
# Where the system knows O_PATH, a folder that may be entered need not be listable.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
_ALL_AT_ONCE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link that cannot be followed",
}


class UnfitFileError(OSError):
    """A file is none that is read; `strerror` says what it is, worded to stand after its name."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EINVAL, what)


class TooLongError(UnfitFileError):
    """A file has more bytes than are read: `size` at least."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"it has {size:,} bytes, more than the {most:,} that are read")
        self.size = size


def read_regular(path: Path, most: int, *, inside: Path | None = None) -> bytes:
    """Return the content of a regular file of at most `most` bytes, opened as `open_regular` does.

    One that grows meanwhile is cut at a byte more than it had. Raises OSError, UnfitFileError among them.
    """
    with open_regular(path, most, inside=inside) as file:
        content = file.read(min(os.fstat(file.fileno()).st_size, most) + 1)
    check_length(len(content), most)
    return content


def read_large(path: Path, most: int, *, inside: Path | None = None) -> memoryview:
    """Return the same in memory of its own, which goes back to the system with it: freed bytes of that size may not."""
    with open_regular(path, most, inside=inside) as file:
        pages = mmap.mmap(-1, min(os.fstat(file.fileno()).st_size, most) + 1, flags=_ALL_AT_ONCE)
        length = file.readinto(pages)
    check_length(length, most)
    return memoryview(pages)[:length]


def open_regular(path: Path, most: int, *, inside: Path | None = None) -> BufferedReader:
    """Return a regular file that has at most `most` bytes now, open for reading. Waits for nobody.

    Links are followed, those of the folder `inside` as long as they stay in it, also while somebody changes them.
    `inside` may be a link itself. Raises OSError: UnfitFileError for what is no regular file, leads out of the folder,
    or is longer.
    """
    descriptor = _opened(str(path), None) if inside is None else _opened_inside(path, inside)
    try:
        status = os.fstat(descriptor)
        _check_kind(status)
        check_length(status.st_size, most)
    except UnfitFileError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def check_length(size: int, most: int) -> None:
    """Raise TooLongError for more than `most` bytes."""
    if size > most:
        raise TooLongError(size, most)


def _opened_inside(path: Path, folder: Path) -> int:
    root = os.path.realpath(folder)
    try:
        *folders, name = Path(os.path.realpath(path)).relative_to(root).parts or (".",)
    except ValueError:
        raise UnfitFileError(f"it is a link that leads out of {folder}") from None
    # What the links led to is opened step by step without following any, so that one put there since is an error.
    at = os.open(root, _FOLDER)
    try:
        for step in folders:
            above, at = at, os.open(step, _FOLDER, dir_fd=at)
            os.close(above)
        return _opened(name, at)
    finally:
        os.close(at)


def _opened(name: str, at: int | None) -> int:
    follow = at is None
    # Opening a device can have effects of its own, so that what is known to be one is not even opened.
    _check_kind(os.stat(name, dir_fd=at, follow_symlinks=follow))
    return os.open(name, _READING | (0 if follow else os.O_NOFOLLOW), dir_fd=at)


def _check_kind(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise UnfitFileError(f"it is {_KINDS.get(kind, 'something else')}, not a regular file")
