"""The messages of the reference set, read once."""

from functools import cache
from pathlib import Path


@cache
def octets(folder: Path) -> dict[str, bytes]:
    """Every message by the name of its file."""
    paths = sorted((folder / "rtds" / "messages").glob("*/*"))
    found = {path.name: bytes.fromhex(path.read_text("ascii")) for path in paths}
    assert len(found) == len(paths)
    return found
