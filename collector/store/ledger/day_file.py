"""The file of a day: begun whole, grown by lines, and compressed when the day is over.

ledger/2026/10/2026-10-03.jsonl       while hours may follow
ledger/2026/10/2026-10-03.jsonl.xz    when they may not

Every change is on disk before it is returned from. What a kill or a loss of power leaves is put in order by `recover`.
"""

import logging
import lzma
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from collector.errors import DamagedDayError, StoreError
from collector.store.files import explained, write_atomically
from collector.store.paths import LEDGER_FOLDER
from kl_core.durable_files import UNFINISHED, make_folder, sync_path

_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
PLAIN, COMPRESSED = ".jsonl", ".jsonl.xz"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 4 * 2**20, "pb": 0}]
"""A day of a thousand namespaces is half of the window. A larger one makes no smaller file, and takes twice the memory;
`pb` is the alignment, and digits have none."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class DayFile:
    """The file of the UTC day `date`, such as `2026-10-03`, under a database location."""

    date: str
    directory: Path

    @property
    def plain(self) -> Path:
        """Its place while hours may follow."""
        return self.directory / LEDGER_FOLDER / self.date[:4] / self.date[5:7] / f"{self.date}{PLAIN}"

    @property
    def compressed(self) -> Path:
        """Its place when the day is over."""
        return self.plain.with_suffix(COMPRESSED)

    @property
    def path(self) -> Path:
        """Where it is. Of two, which a kill leaves, the plain one, which is complete too."""
        return self.plain if self.plain.exists() else self.compressed

    def lines(self) -> tuple[list[bytes], bytes]:
        """Return the whole lines without newlines, and what of another is there behind them.

        StoreError if the file cannot be read, DamagedDayError if it cannot be decompressed.
        """
        content = self._content()
        size = _complete_size(content)
        return content[:size].split(b"\n")[:-1], content[size:]

    def begin(self, lines: Sequence[bytes], *, is_over: bool) -> None:
        """Write a new file whole, compressed at once if the day is over. StoreError if that is impossible."""
        path = self.compressed if is_over else self.plain
        content = b"".join(b"%b\n" % line for line in lines)
        with explained("create", path.parent):
            make_folder(path.parent)
        write_atomically(path, _compressed(content) if is_over else content)

    def append(self, line: bytes, size: int) -> int:
        """Put a line at the end of a plain file that has `size` bytes of whole lines; return how many it has then.

        StoreError if that is impossible. Then a part of the line may be there, which the next attempt takes away.
        """
        with explained("write", self.plain), self.plain.open("r+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END) != size:
                file.truncate(size)
                os.fsync(file.fileno())
                file.seek(size)
            rest = memoryview(b"%b\n" % line)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
            return file.tell()

    def compress(self) -> None:
        """Take the compressed file for the plain one.

        Where that is impossible now, which is logged, the plain one is read as it is, until the next start.
        """
        try:
            self._compress()
        except StoreError as error:
            _log.warning("the ledger's %s could not be compressed and stays as it is: %s", self.plain.name, error)

    def cut_unfinished_line(self) -> None:
        """Take away the end of a plain file that is no whole line: its hour had not been closed. StoreError.

        Whole lines are put on disk: a process that is killed may have written the last one and not synced it.
        """
        with explained("write", self.plain), self.plain.open("r+b") as file:
            content = file.read()
            size = _complete_size(content)
            file.truncate(size)
            os.fsync(file.fileno())
        if size == len(content):
            return
        _log.warning(
            "%s ended in %d bytes of a line that was being written when the process or the machine stopped; they were "
            "cut off, and that hour is closed again",
            self.plain,
            len(content) - size,
        )

    def _compress(self) -> None:
        with explained("read", self.plain):
            content = self.plain.read_bytes()
        if not self._is_compressed(content):
            write_atomically(self.compressed, _compressed(content))
        with explained("remove", self.plain):
            self.plain.unlink()
            sync_path(self.plain.parent)

    def _is_compressed(self, content: bytes) -> bool:
        try:
            # A plain one that ends earlier is from a backup that was made during the day.
            return self.compressed.exists() and _decompressed(self).startswith(content)
        except DamagedDayError:
            return False

    def _content(self) -> bytes:
        # Between the two attempts a collector may have compressed it.
        with explained("read", self.plain), suppress(FileNotFoundError):
            return self.plain.read_bytes()
        return _decompressed(self)


def day_files(directory: Path) -> list[DayFile]:
    """Return the days that have files under a database location, oldest first. StoreError if it cannot be listed."""
    ledger = directory / LEDGER_FOLDER
    with explained("read", ledger):
        names = {path.name for ending in (PLAIN, COMPRESSED) for path in ledger.glob(f"*/*/{_DATE}{ending}")}
    return [DayFile(date, directory) for date in sorted({name.partition(".")[0] for name in names})]


def recover(directory: Path) -> list[DayFile]:
    """Put in order what a kill or a loss of power left behind, and return the days that have files, oldest first.

    StoreError if that is impossible.
    """
    ledger = directory / LEDGER_FOLDER
    with explained("tidy up", ledger):
        for leftover in ledger.glob(f"*/*/{_DATE}.*{UNFINISHED}"):
            leftover.unlink()
    files = day_files(directory)
    for file in files:
        if file.plain.exists():
            if file.compressed.exists() or file is not files[-1]:
                file.compress()
            else:
                file.cut_unfinished_line()
    return files


def _compressed(content: bytes) -> bytes:
    return lzma.compress(content, lzma.FORMAT_XZ, lzma.CHECK_CRC64, filters=_FILTERS)


def _decompressed(file: DayFile) -> bytes:
    with explained("read", file.compressed):
        content = file.compressed.read_bytes()
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        lines = decompressor.decompress(content)
    except lzma.LZMAError as error:
        raise DamagedDayError(str(file.compressed), None, f"it cannot be decompressed ({error})") from error
    if not decompressor.eof or decompressor.unused_data:
        fault = "it does not end where its xz stream does"
        raise DamagedDayError(str(file.compressed), None, fault)
    return lines


def _complete_size(content: bytes) -> int:
    """Return how many bytes whole lines have. A page that power took away is zeros, which no line contains."""
    size = content.rfind(b"\n") + 1
    last = content.rfind(b"\n", 0, size - 1) + 1
    return last if b"\0" in content[last:size] else size
