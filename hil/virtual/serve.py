"""Dongles for hosts of other programs: on a pseudo-terminal or a TCP port, one host at a time each."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
import tty
from pathlib import Path
from typing import Final

from gbcs.errors import BuildError

from .line import Line

READ: Final = 4096
UNREAD_LIMIT: Final = 2048  # octets a host leaves unread before it counts as gone
BACKLOG: Final = 65536


class TcpPort:
    """A dongle on a TCP port. A new host takes the place of the one before, as the stick has one line."""

    def __init__(self, line: Line) -> None:
        self.line: Final = line
        self._server: asyncio.Server | None = None
        self._transport: asyncio.Transport | None = None
        self._away_until = 0.0
        line.drop = self.unplug

    async def open(self, host: str, port: int) -> None:
        """Listen. Port 0 is any free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Host(self), host, port)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def name(self) -> str:
        """As a host program is given it (bellows: `tcp://` in front)."""
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def connected(self) -> bool:
        """A host is there."""
        return self._transport is not None

    def drop(self) -> None:
        """Close the host's connection, as a cable pulled."""
        if self._transport is not None:
            self._transport.abort()

    def unplug(self) -> None:
        """The same, and take no host for as long as the line's faults say."""
        self._away_until = asyncio.get_running_loop().time() + self.line.faults.drop_for
        self.drop()

    async def close(self) -> None:
        """Stop listening, drop the host, take the dongle off the air."""
        self.line.shut()
        self.drop()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def made(self, transport: asyncio.Transport) -> None:
        """A host has connected."""
        if asyncio.get_running_loop().time() < self._away_until:
            transport.abort()
            return
        old, self._transport = self._transport, transport
        if old is not None:
            old.abort()
            self.line.closed()
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.opened(self._write)

    def lost(self, transport: asyncio.Transport) -> None:
        """A host has gone."""
        if transport is self._transport:
            self._transport = None
            self.line.closed()

    def heard(self, transport: asyncio.Transport, octets: bytes) -> None:
        """Octets of a host; those of one that was replaced are dropped."""
        if transport is self._transport:
            self.line.feed(octets)

    def _write(self, octets: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > BACKLOG:
            transport.abort()  # it does not read: to a stick the same as not being there
            return
        transport.write(octets)


class _Host(asyncio.Protocol):
    def __init__(self, port: TcpPort) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._port.made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._port.lost(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._port.heard(self._transport, data)


class PtyPort:
    """A dongle on a pseudo-terminal with a symbolic link to it.

    The host's end is kept open here, too, so that it stays raw; whether a host is there shows
    only in what it leaves unread, and what nobody reads is thrown away.
    """

    def __init__(self, line: Line) -> None:
        self.line: Final = line
        self._ours = -1
        self._theirs = -1
        self._link: Path | None = None
        self._device = ""

    def open(self, path: Path | None) -> None:
        """Make the terminal and its link, replacing a link that leads nowhere. Raises BuildError."""
        self._ours, self._theirs = os.openpty()
        self._device = os.ttyname(self._theirs)
        for end in (self._ours, self._theirs):
            tty.setraw(end)
            os.set_blocking(end, False)
        if path is not None:
            if path.is_symlink() and not path.exists():
                path.unlink()
            try:
                path.symlink_to(self._device)
            except OSError as error:
                self._release()
                reason = "exists already" if error.errno == errno.EEXIST else error.strerror
                raise BuildError(reason or "no link can be made", str(path)) from None
            self._link = path
        asyncio.get_running_loop().add_reader(self._ours, self._readable)
        self.line.on_failure = self._unheard
        self.line.opened(self._write)

    @property
    def device(self) -> str:
        """The terminal itself."""
        return self._device

    @property
    def name(self) -> str:
        """What a host opens."""
        return self._device if self._link is None else str(self._link)

    async def close(self) -> None:
        """Take the terminal, its link and the dongle away."""
        self.line.shut()
        if self._ours >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
        self._release()

    def _release(self) -> None:
        link, self._link = self._link, None
        if link is not None and link.is_symlink() and os.readlink(link) == self._device:
            link.unlink()
        for end in (self._ours, self._theirs):
            if end >= 0:
                os.close(end)
        self._ours = self._theirs = -1

    def _readable(self) -> None:
        try:
            octets = os.read(self._ours, READ)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
        self.line.feed(octets)

    def _write(self, octets: bytes) -> None:
        if self._unread() > UNREAD_LIMIT:
            self._discard()
        with contextlib.suppress(BlockingIOError):
            os.write(self._ours, octets)

    def _unheard(self) -> None:
        """The link has failed: if nobody reads, what waits to be read is stale."""
        if self._unread():
            self._discard()

    def _unread(self) -> int:
        (count,) = struct.unpack("i", fcntl.ioctl(self._theirs, termios.FIONREAD, bytes(4)))
        return int(count)

    def _discard(self) -> None:
        termios.tcflush(self._theirs, termios.TCIFLUSH)


Port = TcpPort | PtyPort
