"""What is taken for a submission, and what is refused with a reason; nothing is written to disk on the way."""

import os

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
    assert any("log_sums.py: " in line and "UTF-8" in line for line in found.ignored)
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
        (packed({"ann.zip": packed({"log_sums.py": TEXT})}), "archive inside an archive"),
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
