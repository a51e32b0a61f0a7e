"""What is taken for a submission, and what is refused with a reason; nothing is written to disk on the way."""

import codecs
import contextlib
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.classroom import archives, intake
from autograder.classroom.archives import Refused
from autograder.classroom.intake import discover, identify
from autograder.classroom.selection import choose
from autograder.tests.classroom.packing import encrypted, linked, packed, twice

TEXT = b"def f(x):\n    return x\n"


def only(place):
    (entry,) = discover(place).entries
    return entry.read()


def from_zip(tmp_path, data: bytes):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ann.zip").write_bytes(data)
    return only(tmp_path / "class")


def put(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("where", ["", "exercises/", "my work/", "my work/exercises/"])
def test_sources_lie_directly_or_under_exercises_or_in_one_folder_more(tmp_path, where):
    put(tmp_path / "as_folder" / "ann", {f"{where}log_sums.py": TEXT})
    assert only(tmp_path / "as_folder").texts == {"log_sums": TEXT.decode()}
    found = from_zip(tmp_path, packed({f"{where}log_sums.py": TEXT}))
    assert (found.student, found.texts, found.problem) == ("ann", {"log_sums": TEXT.decode()}, None)


def test_stray_files_are_listed_and_do_no_harm(tmp_path):
    put(tmp_path / "ann", {"log_sums.py": TEXT, "notes.txt": b"", "Odd-Name.py": TEXT, "deep/x.py": TEXT})
    put(tmp_path, {"list.txt": b""})
    assert discover(tmp_path).stray == ["list.txt"]
    found = only(tmp_path)
    assert (list(found.texts), found.ignored) == (["log_sums"], ("Odd-Name.py", "deep/x.py", "notes.txt"))


def test_the_whole_course_can_be_handed_in(tmp_path):
    put(tmp_path / "ann", {"course.py": b"", "exercises/log_sums.py": TEXT, "solutions/log_sums.py": b"# not mine\n"})
    assert only(tmp_path).texts["log_sums"] == TEXT.decode()


def test_one_stem_in_two_places_must_agree(tmp_path):
    put(tmp_path / "same" / "ann", {"log_sums.py": TEXT, "exercises/log_sums.py": TEXT})
    assert only(tmp_path / "same").problem is None
    put(tmp_path / "other" / "ann", {"log_sums.py": TEXT, "exercises/log_sums.py": b"# stub\n"})
    assert "there twice" in only(tmp_path / "other").problem


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x = 1\r\ny = 2\r", "x = 1\ny = 2\n"),
        ("\ufeffx = 'é'\n".encode(), "x = 'é'\n"),
        ("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\nx = 'é'\n"),
    ],
)
def test_encodings_and_line_ends(tmp_path, data, text):
    put(tmp_path / "ann", {"log_sums.py": data})
    assert only(tmp_path).texts["log_sums"].lstrip("\ufeff") == text


def test_a_file_that_is_no_text_costs_only_itself(tmp_path):
    put(tmp_path / "ann", {"log_sums.py": b"\xff\xfe\x00", "tokens.py": TEXT, "floats.py": b"#" * (1 << 19)})
    found = only(tmp_path)
    assert (list(found.texts), found.problem) == (["tokens"], None)
    assert any("log_sums.py is not readable" in line and "UTF-8" in line for line in found.ignored)
    assert any("floats.py" in line and "bytes" in line for line in found.ignored)


def test_nothing_usable_is_a_record_too(tmp_path):
    put(tmp_path / "ann", {"essay.docx": b""})
    assert "no STEM.py" in only(tmp_path).problem
    assert "essay.docx" in only(tmp_path).problem


BOMB = {"log_sums.py": TEXT, "data.csv": b"0" * (1 << 23)}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (packed({"../log_sums.py": TEXT}), "leads out"),
        (packed({"a/../../log_sums.py": TEXT}), "leads out"),
        (packed({"/etc/log_sums.py": TEXT}), "leads out"),
        (packed({"C:\\log_sums.py": TEXT}), "leads out"),
        (packed({"..\\log_sums.py": TEXT}), "leads out"),
        (linked("log_sums.py", "/etc/passwd"), "symbolic link"),
        (encrypted(packed({"log_sums.py": TEXT})), "encrypted"),
        (packed(BOMB), "unpacks"),
        (packed({f"x{n}.txt": b"" for n in range(archives.MOST_MEMBERS + 1)}), "more than 2000 files"),
        (packed({"a.zip": packed({"b.zip": packed({"log_sums.py": TEXT})})}), "archive inside an archive"),
        (twice("log_sums.py", TEXT, b"# other\n"), "twice"),
        (b"PK\x03\x04 not really", "cannot be opened"),
        (b"", "cannot be opened"),
    ],
)
def test_tricks_are_refused_with_the_reason(tmp_path, data, reason):
    found = from_zip(tmp_path, data)
    assert reason in found.problem
    assert not found.texts and not found.ours


def test_a_damaged_member_is_refused(tmp_path):
    data = bytearray(packed({"log_sums.py": os.urandom(500)}, 0))
    data[60] ^= 1
    assert "cannot be unpacked" in from_zip(tmp_path, bytes(data)).problem


def test_a_member_that_lies_about_its_size_is_cut(tmp_path):
    data = packed({"log_sums.py": b"#" * (1 << 19)})
    lying = data.replace((1 << 19).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    found = from_zip(tmp_path, lying)
    assert found.problem is not None and not found.texts


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="no symbolic links here")
def test_links_in_folders_are_not_followed(tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_bytes(b"SECRET = 1\n")
    put(tmp_path / "class" / "ann", {"tokens.py": TEXT})
    (tmp_path / "class" / "ann" / "log_sums.py").symlink_to(secret)
    put(tmp_path / "class" / "bob", {"log_sums.py": TEXT, "venv/x": b""})
    (tmp_path / "class" / "bob" / "venv" / "python").symlink_to(secret)
    put(tmp_path / "elsewhere", {"log_sums.py": b"SECRET = 1\n"})
    (tmp_path / "class" / "cem").mkdir()
    (tmp_path / "class" / "cem" / "exercises").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "class" / "dan").symlink_to(tmp_path / "elsewhere")
    found = {e.student: e.read() for e in discover(tmp_path / "class").entries}
    for student in ("ann", "cem", "dan"):
        assert "symbolic link" in found[student].problem and not found[student].texts
    assert found["bob"].problem is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_in_a_sources_place_does_not_hang(tmp_path):
    (tmp_path / "ann").mkdir()
    os.mkfifo(tmp_path / "ann" / "log_sums.py")
    assert "no ordinary file" in only(tmp_path).problem


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser reads everything")
def test_what_cannot_be_read_is_our_problem(tmp_path):
    put(tmp_path / "ann", {"log_sums.py": TEXT})
    (tmp_path / "ann" / "log_sums.py").chmod(0)
    found = only(tmp_path)
    assert found.ours and "Permission denied" in found.problem


def test_a_read_error_is_our_problem():
    def broken():
        raise OSError(5, "Input/output error")

    found = intake.Entry("ann", "ann", broken).read()
    assert (found.ours, found.problem) == (True, "cannot be read: Input/output error")


def class_zip():
    return {
        "ann/log_sums.py": TEXT,
        "bob/exercises/log_sums.py": TEXT,
        "cem.zip": packed({"log_sums.py": TEXT}),
        "dan/../../log_sums.py": TEXT,
        "list.txt": b"",
        "__MACOSX/ann/log_sums.py": b"",
    }


@pytest.mark.parametrize("top", ["", "submissions/"])
def test_an_archive_of_the_whole_class(tmp_path, top):
    (tmp_path / "all.zip").write_bytes(packed({top + name: data for name, data in class_zip().items()}))
    found = discover(tmp_path / "all.zip")
    read = {e.student: e.read() for e in found.entries}
    assert [s for s in sorted(read) if read[s].problem is None] == ["ann", "bob", "cem"]
    assert "leads out" in read["dan"].problem
    assert found.stray == [top + "list.txt"]


def test_two_submissions_of_one_id_are_seen(tmp_path):
    put(tmp_path, {"ann/log_sums.py": TEXT, "ann.zip": packed({"log_sums.py": TEXT})})
    assert [e.source for e in discover(tmp_path).by_student()["ann"]] == ["ann", "ann.zip"]


@pytest.mark.parametrize("wrong", ["missing", "file.txt", "ann"])
def test_what_is_no_class_is_refused(tmp_path, wrong):
    put(tmp_path, {"file.txt": b"", "ann/log_sums.py": TEXT})
    with pytest.raises(Refused, match="give the folder"):
        discover(tmp_path / wrong)


def test_the_results_folder_is_no_submission(tmp_path):
    put(tmp_path, {"ann/log_sums.py": TEXT, "results/grades.csv": b""})
    assert [e.student for e in discover(tmp_path, tmp_path / "results").entries] == ["ann"]


@given(st.text(st.characters(codec=None), max_size=200))
def test_an_id_can_be_printed_and_stays_as_it_is(name):
    shown = identify(name)
    assert shown.isprintable() and 0 < len(shown) <= 120
    assert identify(shown) == shown


NAMES = st.text(st.sampled_from("ab_/.\\:~é \x00") | st.characters(codec="utf-8"), min_size=1, max_size=30)


@given(st.dictionaries(NAMES | st.just("log_sums.py"), st.binary(max_size=60), max_size=6))
def test_any_archive_is_read_or_refused(files):
    try:
        found = choose("ann", "ann.zip", intake.archive_files(packed(files)))
    except Refused as error:
        assert str(error)
        return
    assert found.problem or found.texts
    assert all(line.isprintable() for line in found.ignored)


@given(st.binary(max_size=300), st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_any_damage_is_read_or_refused(text, place, damage):
    data = bytearray(packed({"log_sums.py": text, "b.txt": b"b"}))
    data[place : place + len(damage)] = damage
    try:
        choose("ann", "ann.zip", intake.archive_files(bytes(data)))
    except Refused as error:
        assert str(error)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_by_its_mark(tmp_path, encoding):
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    put(tmp_path / "ann", {"log_sums.py": mark + "x = 'é'\r\n".encode(encoding)})
    assert only(tmp_path).texts["log_sums"].lstrip("\ufeff") == "x = 'é'\n"


def test_utf_16_without_a_mark_is_named_with_what_to_do(tmp_path):
    put(tmp_path / "ann", {"log_sums.py": "x = 1".encode("utf-16-le")})
    problem = only(tmp_path).problem
    assert problem is None or "save it as UTF-8" in problem


def test_a_folder_that_holds_one_archive_is_that_archive(tmp_path):
    """Moodle lays what a learner uploads into a folder of the learner's name."""
    put(tmp_path / "Zoe_4711_assignsubmission_file_", {"exercises.zip": packed({"exercises/log_sums.py": TEXT})})
    assert list(only(tmp_path).texts) == ["log_sums"]


def test_so_is_one_in_an_archive_of_all(tmp_path):
    folder = {"Zoe_4711_file_/handin.zip": packed({"log_sums.py": TEXT}), "Bo_4712_file_/log_sums.py": TEXT}
    (tmp_path / "all.zip").write_bytes(packed(folder))
    found = [entry.read() for entry in discover(tmp_path / "all.zip").entries]
    assert {f.student: list(f.texts) for f in found} == {"Bo_4712_file_": ["log_sums"], "Zoe_4711_file_": ["log_sums"]}


@pytest.mark.parametrize("packs", [True, False])
def test_files_as_canvas_names_them_belong_to_their_learner(tmp_path, packs):
    files = {
        "doejane_LATE_222_333_log_sums-1.py": TEXT,
        "doejane_LATE_222_333_floats.py": TEXT,
        "smithanna_12345_99_tokens.py": TEXT,
        "smithanna_12345_99_notes.py": TEXT,
    }
    if packs:
        (tmp_path / "all.zip").write_bytes(packed(files))
    else:
        put(tmp_path, files)
    found = discover(tmp_path / "all.zip" if packs else tmp_path)
    read = {entry.student: sorted(entry.read().texts) for entry in found.entries}
    assert read == {"doejane_LATE_222_333": ["floats", "log_sums"], "smithanna_12345_99": ["tokens"]}
    assert found.stray == ["smithanna_12345_99_notes.py"]


def test_two_files_of_one_learner_for_one_chapter_are_refused(tmp_path):
    put(tmp_path, {"ann_1_2_log_sums.py": TEXT, "ann_1_2_log_sums-1.py": TEXT})
    assert only(tmp_path).problem == "log_sums.py is there twice: keep one of them"


def test_a_path_out_of_the_archive_of_all_is_left_aside_with_the_reason(tmp_path):
    (tmp_path / "all.zip").write_bytes(packed({"../evil/log_sums.py": TEXT, "ann/log_sums.py": TEXT}))
    assert discover(tmp_path / "all.zip").stray == ["../evil/log_sums.py (a path that leads out of the archive)"]


@pytest.mark.parametrize("name", ["log_sums (1).py", "log_sums-2.py", "Log_Sums.py", "log_sums copy.py"])
def test_a_name_that_is_nearly_right_is_told(tmp_path, name):
    put(tmp_path / "ann", {name: TEXT})
    assert only(tmp_path).problem == f"{name}: rename it to log_sums.py"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize("name", ["ann.zip", "ann/log_sums.py"])
def test_a_pipe_is_no_submission_and_nobody_waits_for_it(tmp_path, name):
    if "/" in name:
        (tmp_path / "ann").mkdir()
    os.mkfifo(tmp_path / name)
    problems = [entry.read().problem for entry in discover(tmp_path).entries if entry.student == "ann"]
    assert ["no ordinary file" in problem for problem in problems] == [True]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets with names")
def test_a_socket_is_the_learners_fault(tmp_path):
    (tmp_path / "ann").mkdir()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener, contextlib.chdir(tmp_path / "ann"):
        listener.bind("log_sums.py")
    assert (only(tmp_path).ours, "cannot be read" in only(tmp_path).problem) == (False, True)
