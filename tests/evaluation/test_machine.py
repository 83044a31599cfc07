import platform
import socket

import pytest

from onepass.evaluation.machine import _processor, machine_kind, versions


def test_machine_and_versions_say_what_not_who_or_where():
    found = versions()
    assert found["python"] == platform.python_version()
    assert {"onepass", "sacrebleu", "torch"} <= set(found)
    machine = machine_kind()
    assert "core(s)" in machine
    for text in (machine, str(found)):
        assert "/" not in text
        assert socket.gethostname() not in text


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f avx512_vnni", "Xeon with AVX-512 VNNI"),
        ("fpu avx2", "Xeon with AVX2"),
        ("fpu", "Xeon"),
    ],
)
def test_a_processor_is_named_with_its_fastest_instructions(tmp_path, flags, expected):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: Xeon\nflags\t\t: {flags}\n\n" * 2)
    assert _processor(cpuinfo) == expected
