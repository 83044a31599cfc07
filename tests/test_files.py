"""What is written appears whole or not at all, in the place, with the mode and under the name that it had."""

import multiprocessing
import os
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import onepass
from onepass.errors import DataError
from onepass.files import naming_full_disk, replacing, replacing_directory, write_json, write_text


@pytest.fixture
def umask() -> Iterator[None]:
    """New files may be read by all and written by their owner."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


# --- whole or not at all -----------------------------------------------------


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with replacing(tmp_path / "new") as partial:
        partial.write_text("half")
        assert not (tmp_path / "new").exists()
        assert partial.parent == tmp_path  # a rename stays on one file system
        partial.write_text("whole")
    assert (tmp_path / "new").read_text() == "whole"
    assert names(tmp_path) == {"new"}


@pytest.mark.parametrize("older", [None, "older"])
@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_what_is_stopped_in_the_middle_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], older: str | None
) -> None:
    path = tmp_path / "file"
    if older is not None:
        path.write_text(older)

    def stop(partial: Path) -> None:
        partial.write_text("half")
        raise error

    with pytest.raises(error), replacing(path) as partial:
        stop(partial)
    assert names(tmp_path) == (set() if older is None else {"file"})
    assert older is None or path.read_text() == older


def test_a_rename_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "file"
    path.write_text("older")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(DataError, match="Cannot write the file: Permission denied"):
        write_text(path, "newer")
    assert names(tmp_path) == {"file"}
    assert path.read_text() == "older"


def test_text_and_json_are_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "ä\nb\r\n")
    assert (tmp_path / "text").read_bytes() == "ä\nb\r\n".encode()
    write_json(tmp_path / "json", {"ä": [1]})
    assert (tmp_path / "json").read_bytes() == '{\n "ä": [\n  1\n ]\n}\n'.encode()


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 127)
    write_text(path, "whole")
    assert names(tmp_path) == {path.name}


# --- modes, links, pipes -----------------------------------------------------


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("before", [0o600, 0o640, 0o444, 0o755, 0o666])
def test_a_file_keeps_its_mode(tmp_path: Path, before: int) -> None:
    path = tmp_path / "file"
    path.write_text("older")
    path.chmod(before)
    with replacing(path) as partial:
        assert mode(partial) == 0o600  # while nobody knows yet whether all may read it
        partial.write_text("newer")
    assert (path.read_text(), mode(path)) == ("newer", before)


@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, mask: int, expected: int) -> None:
    os.umask(mask)
    write_text(tmp_path / "new", "whole")
    with replacing(tmp_path / "weights") as partial:  # as safetensors writes
        (tmp_path / "own").touch(mode=0o600)
        os.replace(tmp_path / "own", partial)
    assert mode(tmp_path / "new") == mode(tmp_path / "weights") == expected


def test_a_link_stays_one_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("older")
    (tmp_path / "there/file").chmod(0o600)
    (tmp_path / "link").symlink_to("there/file")
    (tmp_path / "dangling").symlink_to("there/new")
    with replacing(tmp_path / "link") as partial:
        assert partial.parent == tmp_path / "there"
        partial.write_text("newer")
    write_text(tmp_path / "dangling", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dangling").is_symlink()
    assert names(tmp_path / "there") == {"file", "new"}
    assert (tmp_path / "there/file").read_text() == "newer"
    assert mode(tmp_path / "there/file") == 0o600
    assert (tmp_path / "there/new").read_text() == "new"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=write_text, args=(tmp_path / "pipe", "through"))
    writer.start()
    assert (tmp_path / "pipe").read_text() == "through"
    writer.join()
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == {"pipe"}


def test_a_device_and_a_pipe_without_a_name_are_written_to() -> None:
    write_text(Path("/dev/null"), "away")
    assert Path("/dev/null").is_char_device()
    reading, writing = os.pipe()
    write_text(Path(f"/dev/fd/{writing}"), "through")
    os.close(writing)
    with open(reading) as file:
        assert file.read() == "through"


# --- errors ------------------------------------------------------------------


def test_where_nothing_can_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):  # root may write anywhere but here
        closed = Path("/proc/self")
    for path in (tmp_path / "absent/file", tmp_path / "file/below", tmp_path / ("x" * 300), closed / "file"):
        with pytest.raises(DataError, match="Cannot write the file") as error, replacing(path):
            pytest.fail("nothing can be written here")
        assert error.value.where == path
        assert error.value.fix
    assert names(tmp_path) <= {"file", "closed"}


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a directory"):
        write_text(tmp_path, "x")


# --- several at once ---------------------------------------------------------


def test_two_writers_at_once_do_not_share_a_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as first:
        with replacing(path) as second:
            assert first != second
            first.write_text("first")
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"  # the last to end wins
    assert names(tmp_path) == {"file"}


def _write_often(path: Path, letter: str) -> None:
    for _ in range(200):
        write_text(path, letter * 100_000)


def test_processes_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    _write_often(path, "a")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_often, args=(path, letter)) for letter in "bc"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        found = path.read_text()
        assert len(found) == 100_000
        assert len(set(found)) == 1
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert names(tmp_path) == {"file"}


# --- directories -------------------------------------------------------------


def fill(directory: Path, text: str) -> None:
    (directory / "file").write_text(text)


def test_a_directory_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with replacing_directory(tmp_path / "new") as partial:
            assert names(partial) == set()
            fill(partial, text)
            (partial / text).touch()
        assert names(tmp_path / "new") == {"file", text}
    assert names(tmp_path) == {"new"}


def test_a_directory_that_is_stopped_in_the_middle_leaves_the_older_one(tmp_path: Path) -> None:
    def stop(partial: Path) -> None:
        fill(partial, "half")
        raise KeyboardInterrupt

    for existing in (False, True):
        if existing:
            (tmp_path / "new").mkdir()
            fill(tmp_path / "new", "older")
        with pytest.raises(KeyboardInterrupt), replacing_directory(tmp_path / "new") as partial:
            stop(partial)
        assert names(tmp_path) == ({"new"} if existing else set())
    assert (tmp_path / "new/file").read_text() == "older"


def test_what_a_kill_has_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".new.onepass-partial").mkdir()
    (tmp_path / ".new.onepass-partial/half").touch()
    with replacing_directory(tmp_path / "new") as partial:
        fill(partial, "whole")
    assert names(tmp_path) == {"new"}
    assert names(tmp_path / "new") == {"file"}


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    for name in (".new.onepass-old", ".new.onepass-partial"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name, name)
    with pytest.raises(ValueError, match="stopped"), replacing_directory(tmp_path / "new"):
        raise ValueError("stopped")
    assert names(tmp_path) == {"new"}
    assert (tmp_path / "new/file").read_text() == ".new.onepass-old"


# --- after a power cut -------------------------------------------------------


class Calls:
    """The system calls that decide what is on the disk, in order, with the files that they are for."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[tuple[str, ...]] = []
        self.directory = directory.resolve()
        fsync, replace = os.fsync, os.replace

        def observed_fsync(descriptor: int) -> None:
            info = os.fstat(descriptor)
            names = [p for p in [directory, *directory.rglob("*")] if os.path.samestat(p.stat(), info)]
            self.found.append(("fsync", *map(self._name, names)))
            fsync(descriptor)

        def observed_replace(source: Path, to: Path) -> None:
            self.found.append(("rename", self._name(source), self._name(to)))
            replace(source, to)

        monkeypatch.setattr(os, "fsync", observed_fsync)
        monkeypatch.setattr(os, "replace", observed_replace)

    def _name(self, path: Path) -> str:
        name = str(Path(path).resolve().relative_to(self.directory))
        return "partial" if name.endswith(".partial") else name


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_before_the_writer_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(tmp_path, monkeypatch)
    write_text(tmp_path / "file", "whole")
    assert calls.found == [("fsync", "partial"), ("rename", "partial", "file"), ("fsync", ".")]


def test_a_directory_is_on_the_disk_with_all_that_is_in_it_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(tmp_path, monkeypatch)
    with replacing_directory(tmp_path / "new") as partial:
        (partial / "below").mkdir()
        fill(partial / "below", "x")
    inside = ".new.onepass-partial"
    assert calls.found == [
        ("fsync", f"{inside}/below/file"),
        ("fsync", f"{inside}/below"),
        ("fsync", inside),
        ("rename", inside, "new"),
        ("fsync", "."),
    ]


def test_a_full_disk_is_one_error_that_names_the_file(tmp_path: Path) -> None:
    """Whoever notices it: Python, a library with an error of its own, the system when the file is synced."""
    stumbled = RuntimeError("unexpected pos 78592 vs 78484")  # torch, when a write has failed before
    stumbled.__context__ = OSError(28, "No space left on device")
    said = RuntimeError("I/O error: No space left on device")
    for error in (OSError(28, "No space left on device"), said, stumbled):
        with pytest.raises(DataError, match="The disk is full") as found, replacing(tmp_path / "file"):
            raise error
        assert found.value.where == tmp_path / "file"
    with pytest.raises(DataError) as found, naming_full_disk(tmp_path), replacing(tmp_path / "file"):
        raise stumbled
    assert found.value.where == tmp_path / "file"  # the innermost name is the best one
    with pytest.raises(RuntimeError, match="another"), replacing(tmp_path / "file"):
        raise RuntimeError("another one")
    assert names(tmp_path) == set()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="reads /proc")
def test_a_device_that_is_full_is_an_error_too() -> None:
    with pytest.raises(DataError, match="The disk is full"):
        write_text(Path("/dev/full"), "x" * 100_000)


WRITERS = re.compile(
    r"\.write_(text|bytes)\(|\bopen\([^)]*[\"'](w|x|a|wb|ab)[\"']|np\.savez?\(|torch\.save\("
)
ALLOWED = {
    "alignment/fast_align.py": 1,  # a scratch folder of this process
    "corpora/plain_files.py": 1,  # of a stage, which is on the disk before it is finished
    "pipeline/crew.py": 1,  # a claim, which means nothing after a power cut
    "pipeline/peak_memory.py": 1,  # sets a counter of the kernel back
    "pipeline/records.py": 1,  # adds to a file, whose last line may be lost
    "pipeline/run.py": 1,  # an empty file for the lock
    "service/downloads.py": 1,  # an answer that ends with the service
    "text/duplicates.py": 1,  # keys of a stage at work
}
"""Where the package writes otherwise, and how often."""


def test_everything_that_is_written_goes_through_the_one_writer() -> None:
    """Each place that opens a file to write opens what `replacing` gave it, in the lines before."""
    package = Path(onepass.__file__).parent
    found: dict[str, int] = {}
    for path in sorted(package.rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            near = "\n".join(lines[max(0, number - 8) : number + 1])
            if WRITERS.search(line) and not re.search(r"replacing\(", near):
                name = path.relative_to(package).as_posix()
                found[name] = found.get(name, 0) + 1
    assert found == ALLOWED
