"""Archives for the tests: honest ones, and ones that no packer would make."""

import io
import stat
import warnings
import zipfile
from collections.abc import Mapping


def packed(files: Mapping[str, bytes], level: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a .zip with these members, whatever their names are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", level) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, level)
    return buffer.getvalue()


def linked(name: str, target: str) -> bytes:
    """Return a .zip whose one member is a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def twice(name: str, first: bytes, second: bytes) -> bytes:
    """Return a .zip with two members of one name."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(name, first)
        archive.writestr(name, second)
    return buffer.getvalue()


def encrypted(data: bytes) -> bytes:
    """Return a .zip with the flags of its members set as if they had a password."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(mark)
        while place >= 0:
            changed[place + offset] |= 1
            place = changed.find(mark, place + 4)
    return bytes(changed)
