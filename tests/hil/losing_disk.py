"""A disk in memory, as a SQLite file layer, that forgets what was not synced when power fails.

Each write since the last sync of its file may then be there, be missing, or be there in part,
whatever became of the others; a file made or deleted without a sync of its folder may be
missing or back. Without `powersafe`, a write that was cut short spoils whole sectors, with what
was there before. Nothing of the real file system is used.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import apsw

from hil.sqlite_store import Driver

SECTOR = 512


@dataclass(slots=True, eq=False)
class Content:
    """One file: as a running program sees it, as it surely is on the disk, and the writes between."""

    current: bytearray = field(default_factory=bytearray)
    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut to this length

    def apply(self, offset: int, octets: bytes | None, to: bytearray) -> None:
        """Write the octets, or cut the file off."""
        if octets is None:
            del to[offset:]
            return
        to.extend(bytes(max(0, offset - len(to))))
        to[offset : offset + len(octets)] = octets


class LosingDisk(apsw.VFS):
    """The disk; `driver` reaches it. Power fails when the `fuse` has burnt down, one step each change."""

    def __init__(self, seed: int, *, powersafe: bool) -> None:
        self.name = f"losing-{id(self):x}"
        self.chance = random.Random(seed)
        self.powersafe = powersafe
        self.fuse: int | None = None
        self.aim: str | None = None  # only changes of this file burn the fuse
        self.off = False
        self.entries: dict[str, Content] = {}
        self.synced_entries: dict[str, Content] = {}
        self.struck: set[str] = set()  # the files being changed when power failed
        super().__init__(self.name, "")

    def driver(self) -> Driver:
        """What opens databases on this disk."""
        return Driver(lambda path: apsw.Connection(path, vfs=self.name), apsw.Error)

    def step(self, path: str) -> None:
        """A change of this file is asked for; raises if power is, or now goes, off."""
        if self.fuse is not None and not self.off and self.aim in (None, path):
            self.fuse -= 1
            self.off = self.fuse < 0
            if self.off:
                self.struck.add(path)
        self.check()

    def check(self) -> None:
        """Raise if power is off."""
        if self.off:
            raise apsw.IOError("no power")

    def restore(self) -> None:
        """Power is back: what is on the disk now is all there is."""
        names = sorted({*self.entries, *self.synced_entries})
        kept = {}
        for name in names:
            content = self.chance.choice((self.entries, self.synced_entries)).get(name)
            if content is not None:
                kept[name] = content
        for content in kept.values():
            self._survive(content)
        self.entries, self.synced_entries = kept, dict(kept)
        self.fuse, self.off = None, False

    def _survive(self, content: Content) -> None:
        share = self.chance.choice((0.0, 0.5, 0.9, 1.0))  # of the writes that reached the disk
        left = content.synced
        for offset, octets in content.pending:
            if self.chance.random() >= share:
                continue
            if octets and self.chance.random() < 0.2:
                cut = self.chance.randrange(len(octets))
                content.apply(offset, octets[:cut], left)
                if not self.powersafe:
                    start = (offset + cut) // SECTOR * SECTOR
                    spoilt = left[start : start + SECTOR]
                    left[start : start + SECTOR] = self.chance.randbytes(len(spoilt))
            else:
                content.apply(offset, octets, left)
        content.current = bytearray(left)
        content.pending.clear()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> LosingFile:  # type: ignore[override]
        """Open or create; a file without a name is nobody else's."""
        self.check()
        flags[1] = flags[0]
        if name is None:
            return LosingFile(self, "", Content(), False)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        content = self.entries.get(path)
        if content is None:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(path)
            self.step(path)
            content = self.entries[path] = Content()
        # As SQLite's own layer for Unix: syncing a log or journal syncs the folder too.
        with_folder = bool(flags[0] & (apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL))
        return LosingFile(self, path, content, with_folder)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """Remove the entry, for good only if the folder is synced."""
        self.step(filename)
        self.entries.pop(filename, None)
        if syncdir:
            self.synced_entries = dict(self.entries)

    def xAccess(self, pathname: str, flags: int) -> bool:
        """Whether the file is there."""
        self.check()
        return pathname in self.entries

    def xFullPathname(self, name: str) -> str:
        """Names are whole already."""
        return name


class LosingFile:
    """An open file of the disk."""

    def __init__(self, disk: LosingDisk, path: str, content: Content, with_folder: bool) -> None:
        self.disk, self.path, self.content, self.with_folder = disk, path, content, with_folder

    def _change(self, offset: int, octets: bytes | None) -> None:
        self.disk.step(self.path)
        self.content.apply(offset, octets, self.content.current)
        self.content.pending.append((offset, octets))

    def xRead(self, amount: int, offset: int) -> bytes:
        self.disk.check()
        return bytes(self.content.current[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._change(offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:
        self._change(newsize, None)

    def xSync(self, flags: int) -> None:
        self.disk.step(self.path)
        self.content.synced = bytearray(self.content.current)
        self.content.pending.clear()
        if self.with_folder:
            self.disk.synced_entries = dict(self.disk.entries)

    def xFileSize(self) -> int:
        self.disk.check()
        return len(self.content.current)

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE if self.disk.powersafe else 0

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    # One process, one connection at a time: locks would never be contended.
    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None: ...
