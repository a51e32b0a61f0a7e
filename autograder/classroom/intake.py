"""Finds the submissions of a class and reads each into memory: folders, .zip files, or one .zip of all."""

import errno
import os
import re
import stat
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom import archives
from autograder.classroom.archives import Refused, is_folder
from autograder.classroom.selection import Read, Submission, choose
from autograder.registry import stems

MOST_ENTRIES = 2000  # of one folder
DEPTH = 3  # folders looked into: one that wraps all, exercises/, and what lies beside
THEIRS = (errno.ENXIO, errno.ENODEV, errno.ELOOP, errno.EISDIR)  # sockets and devices: no fault of this machine
CLUTTER = (".DS_Store", "__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Entry:
    """One submission that was found: the learner's id, what it is called, and how to get its files."""

    student: str
    source: str
    files: Callable[[], Mapping[str, Read]]

    def read(self) -> Submission:
        """Return what is in it; a submission that cannot be used says so."""
        try:
            return choose(self.student, self.source, _opened(self.files()))
        except Refused as error:
            return Submission(self.student, self.source, problem=str(error))
        except OSError as error:
            ours = error.errno not in THEIRS
            return Submission(
                self.student, self.source, problem=f"cannot be read: {error.strerror or error}", ours=ours
            )


def _opened(files: Mapping[str, Read]) -> Mapping[str, Read]:
    """Return the files of the one archive that a submission consists of, as Moodle lays it into a learner's folder."""
    archives_in_it = [path for path in files if path.lower().endswith(".zip")]
    if len(archives_in_it) != 1 or any(path.endswith(".py") for path in files):
        return files
    return archive_files(files[archives_in_it[0]](archives.LARGEST_ARCHIVE))


def _flat(name: str) -> tuple[str, str] | None:
    """Return learner and file of a name as Canvas gives it: "doejane_LATE_222_333_log_sums-1.py"."""
    found = re.fullmatch(rf"(.+)_({'|'.join(stems())})(?:-\d+)?\.py", name)
    return (found[1], f"{found[2]}.py") if found else None


@dataclass
class Found:
    """The submissions of a class by id, and the files that are none."""

    entries: list[Entry] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)

    def by_student(self) -> dict[str, list[Entry]]:
        """Return the submissions of each id in order; more than one are too many."""
        groups: dict[str, list[Entry]] = defaultdict(list)
        for entry in sorted(self.entries, key=lambda e: (e.student, e.source)):
            groups[entry.student].append(entry)
        return dict(groups)


def identify(name: str) -> str:
    """Return a learner's id for the name of a folder or archive: printable, one form for each name."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
    return "".join(c if c.isprintable() else "?" for c in text).strip()[:120] or "?"


def discover(place: Path, besides: Path | None = None) -> Found:
    """Find the submissions in a folder or .zip; `besides` is a folder that is none (the results').

    Raises:
        Refused: There is nothing of that kind; the message says what to give.
    """
    if place.is_dir():
        return _in_folder(place, besides)
    if place.is_file() and place.suffix.lower() == ".zip":
        return _in_archive(place.read_bytes())
    raise Refused(f"{place} is no folder and no .zip: give the folder that holds one folder or .zip for each learner")


def _in_folder(place: Path, besides: Path | None) -> Found:
    found = Found()
    flat: dict[str, list[tuple[str, Read]]] = defaultdict(list)
    avoid = besides.resolve() if besides is not None else None
    for child in sorted(place.iterdir(), key=lambda p: os.fsencode(p.name)):
        if child.name in CLUTTER or (avoid is not None and child.resolve() == avoid):
            continue
        shown = identify(child.name)
        if child.is_symlink():
            found.entries.append(Entry(identify(child.stem), shown, _refusing("a symbolic link: hand in the files")))
        elif child.is_dir():
            found.entries.append(Entry(shown, shown, _reading(child)))
        elif child.suffix.lower() == ".zip":
            found.entries.append(Entry(identify(child.stem), shown, _unpacking(child)))
        elif (named := _flat(child.name)) is not None:
            flat[named[0]].append((named[1], _file_reader(str(child))))
        else:
            found.stray.append(shown)
    found.entries += [Entry(identify(name), f"{identify(name)}_*.py", _listed(flat[name])) for name in sorted(flat)]
    if not found.entries and any(name.endswith(".py") for name in found.stray):
        raise Refused(f"{place} holds Python files itself: give the folder above, that holds a folder for each learner")
    return found


def _refusing(reason: str) -> Callable[[], Mapping[str, Read]]:
    def files() -> Mapping[str, Read]:
        raise Refused(reason)

    return files


def _listed(files: list[tuple[str, Read]]) -> Callable[[], Mapping[str, Read]]:
    def read() -> Mapping[str, Read]:
        names = [name for name, _ in files]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Refused(f"{twice} is there twice: keep one of them")
        return dict(files)

    return read


def _reading(folder: Path) -> Callable[[], Mapping[str, Read]]:
    return lambda: folder_files(folder)


def _unpacking(path: Path) -> Callable[[], Mapping[str, Read]]:
    def files() -> Mapping[str, Read]:
        return archive_files(_file_reader(str(path))(archives.LARGEST_ARCHIVE))

    return files


def folder_files(folder: Path) -> dict[str, Read]:
    """Return a reader for each file of a folder; links are not followed: one in a source's place is refused.

    Raises:
        Refused: Its `exercises` is a link, or it holds far too much.
        OSError: It cannot be read.
    """
    found: dict[str, Read] = {}
    queue = [(folder, "", 1)]
    seen = 0
    while queue:
        place, prefix, depth = queue.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                seen += 1
                if seen > MOST_ENTRIES:
                    raise Refused(f"the folder holds more than {MOST_ENTRIES} files: hand in the STEM.py files alone")
                name = prefix + entry.name
                if entry.name in CLUTTER:
                    continue
                if entry.is_symlink():
                    found[name] = _link(name)
                elif entry.is_dir(follow_symlinks=False):
                    if depth < DEPTH and not entry.name.startswith("."):
                        queue.append((Path(entry.path), name + "/", depth + 1))
                else:
                    found[name] = _file_reader(entry.path)
    return found


def _link(name: str) -> Read:
    def read(most: int) -> bytes:
        raise Refused(f"{identify(name)} is a symbolic link: hand in the file itself")

    if name.rpartition("/")[2] == "exercises":
        read(0)
    return read


def _file_reader(path: str) -> Read:
    def read(most: int) -> bytes:
        # The name was looked at before: neither a link nor a pipe that took its place since is opened.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused(f"{identify(os.path.basename(path))} is no ordinary file: hand in the file itself")
            return file.read(most + 1)

    return read


def archive_files(data: bytes) -> dict[str, Read]:
    """Return a reader for each file of a submission's archive.

    Raises:
        Refused: It is damaged, encrypted or full of tricks.
    """
    archive = archives.open_archive(data)
    members: dict[str, zipfile.ZipInfo] = {}
    archives.inspect(archive.infolist())
    for info in archive.infolist():
        path = archives.safe_path(info.filename)
        if is_folder(info) or set(path.split("/")) & set(CLUTTER):
            continue
        if path in members:
            raise Refused(f"the archive holds {path!r} twice: pack it anew")
        members[path] = info
    return archives.files_of(archive, members)


def _in_archive(data: bytes) -> Found:
    """Find the submissions in an archive of all: a folder or a .zip for each learner."""
    archive = archives.open_archive(data, class_sized=True)
    found = Found()
    groups: dict[str, list[tuple[str, zipfile.ZipInfo]]] = defaultdict(list)
    tricks: dict[str, str] = {}
    members = [info for info in archive.infolist() if not set(info.filename.split("/")) & set(CLUTTER)]
    skip = _wrapping(members)
    for info in members:
        parts = info.filename.replace("\\", "/").split("/")[skip:]
        if len(parts) < 2 and info.filename.lower().endswith(".zip") and ".." not in parts:
            found.entries.append(_nested(archive, info, parts[-1]))
        elif len(parts) < 2 and not is_folder(info) and (named := _flat(parts[-1])) is not None:
            groups[named[0]].append((named[1], info))
        elif len(parts) < 2 or parts[0] in ("", "..", "."):
            leads_out = " (a path that leads out of the archive)" if ".." in parts or not parts[0] else ""
            found.stray += [identify(info.filename) + leads_out] if not is_folder(info) else []
        elif not is_folder(info):
            try:
                groups[parts[0]].append((archives.safe_path("/".join(parts[1:])), info))
            except Refused as error:
                tricks[parts[0]] = str(error)
    for name in sorted({*groups, *tricks}):
        files = _refusing(tricks[name]) if name in tricks else _grouped(archive, groups[name])
        found.entries.append(Entry(identify(name), identify(name) + "/", files))
    return found


def _wrapping(members: list[zipfile.ZipInfo]) -> int:
    """Return how many folders wrap all submissions: one, where the whole archive is a single folder of folders."""
    paths = [info.filename.replace("\\", "/").split("/") for info in members]
    tops = {path[0] for path in paths}
    files = [path[1:] for path, info in zip(paths, members, strict=True) if not is_folder(info)]
    if len(tops) != 1 or not files or min(map(len, files)) < 1:
        return 0
    own = any(p[-1].endswith(".py") and (len(p) == 1 or p[:-1] == ["exercises"]) for p in files)
    return 0 if own else 1


def _nested(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Entry:
    def files() -> Mapping[str, Read]:
        archives.inspect([info])
        data = archives.read_member(archive, info, archives.LARGEST_ARCHIVE)
        return archive_files(data)

    return Entry(identify(name[:-4]), identify(name), files)


def _grouped(archive: zipfile.ZipFile, group: list[tuple[str, zipfile.ZipInfo]]) -> Callable[[], Mapping[str, Read]]:
    def files() -> Mapping[str, Read]:
        if len(group) > archives.MOST_MEMBERS:
            raise Refused(f"there are more than {archives.MOST_MEMBERS} files: hand in the STEM.py files alone")
        archives.inspect([info for _, info in group])
        paths = [path for path, _ in group]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            raise Refused(f"the archive holds {twice!r} twice: pack it anew")
        return archives.files_of(archive, dict(group))

    return files
