"""Zip archives read in memory, under caps: nothing is written to disk, and a trick is refused with its reason."""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable

from autograder.sources import SourceError

MOST_MEMBERS = 2000
MOST_BYTES = 1 << 28  # of all members unpacked
LARGEST_ARCHIVE = 1 << 26  # of one submission, packed
RATIO = 200  # text packs to a tenth; a bomb to a thousandth
SMALL = 1 << 20  # below, a ratio does no harm


class Refused(SourceError):
    """A submission that cannot be graded; the message says why, and what to hand in instead."""


def safe_path(name: str) -> str:
    """Return a member's path with forward slashes.

    Raises:
        Refused: It leads out of the archive.
    """
    path = name.replace("\\", "/")
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or (len(parts[0]) > 1 and parts[0][1] == ":") or "\0" in path:
        raise Refused(f"the archive holds {name!r}, a path that leads out of it: pack the folder anew")
    return "/".join(part for part in parts if part not in ("", "."))


def open_archive(data: bytes, class_sized: bool = False) -> zipfile.ZipFile:
    """Return an archive from its bytes; that of a whole class may be large.

    Raises:
        Refused: It is none, or has too many members.
    """
    if len(data) > LARGEST_ARCHIVE and not class_sized:
        raise Refused(f"the archive has more than {LARGEST_ARCHIVE >> 20} MiB: hand in the STEM.py files alone")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, LookupError) as error:
        raise Refused(f"the archive cannot be opened ({error}): pack it anew as .zip") from None
    if len(archive.infolist()) > MOST_MEMBERS and not class_sized:
        raise Refused(f"the archive holds more than {MOST_MEMBERS} files: hand in the STEM.py files alone")
    return archive


def inspect(members: list[zipfile.ZipInfo]) -> None:
    """Look at the members of one submission before anything is unpacked.

    Raises:
        Refused: One is a link, encrypted, or there is far more in them than they show.
    """
    for info in members:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Refused(f"the archive holds a symbolic link, {info.filename!r}: pack the files themselves")
        if info.flag_bits & 1:
            raise Refused(f"{info.filename!r} is encrypted: pack it without a password")
    unpacked, packed = sum(i.file_size for i in members), sum(i.compress_size for i in members)
    bomb = unpacked > SMALL and unpacked > RATIO * max(1, packed)
    if unpacked > MOST_BYTES or bomb:
        raise Refused(f"the archive unpacks {packed} bytes to {unpacked}: hand in the STEM.py files alone")


def is_folder(info: zipfile.ZipInfo) -> bool:
    """Return whether a member is a folder; ZipInfo.is_dir stumbles over an empty name."""
    return info.filename.endswith("/")


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """Return at most `most` + 1 bytes of a member, whatever size it claims.

    Raises:
        Refused: Its data is damaged or packed in a way that Python does not know.
    """
    try:
        with archive.open(info) as file:
            return file.read(most + 1)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, LookupError
    ) as error:  # fmt: skip
        raise Refused(f"{info.filename!r} cannot be unpacked ({error}): pack it anew") from None


def files_of(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> dict[str, Callable[[int], bytes]]:
    """Return a reader for each path; a reader takes the most bytes that are wanted."""

    def reader(info: zipfile.ZipInfo) -> Callable[[int], bytes]:
        return lambda most: read_member(archive, info, most)

    return {path: reader(info) for path, info in members.items()}
