"""Forms in parts, against those that the standard library writes."""

from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart

import pytest

from onepass.service.forms import FormError, Part, form_parts


def written(parts: list[Part], boundary: str = "frontier") -> bytes:
    """The parts as `email` writes them."""
    whole = MIMEMultipart("form-data", boundary)
    for part in parts:
        one = MIMENonMultipart("text", "plain")
        names = {"name": part.name} | ({} if part.file_name is None else {"filename": part.file_name})
        one.add_header("content-disposition", "form-data", **names)
        one.set_payload(part.data.decode("latin-1"))
        whole.attach(one)
    _, _, body = whole.as_bytes().partition(b"\n\n")
    return body.replace(b"\n", b"\r\n") + b"\r\n"


PARTS = [Part("q", None, b"One. Two."), Part("file", "a b.txt", b"x--y\r\n\r\nz"), Part("q", None, b"")]


def test_the_parts_of_a_form_come_back() -> None:
    found = form_parts(written(PARTS), "multipart/form-data; boundary=frontier")
    assert found == PARTS


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "", "x; boundary=é"]
)
def test_a_form_without_its_boundary_is_damaged(kind: str) -> None:
    with pytest.raises(FormError):
        form_parts(written(PARTS), kind)


def test_a_form_that_ends_early_is_damaged_wherever_it_ends() -> None:
    body = written(PARTS)
    whole = body.rindex(b"--frontier--") + len(b"--frontier--")
    for place in range(whole):
        with pytest.raises(FormError):
            form_parts(body[:place], "multipart/form-data; boundary=frontier")


def test_a_form_has_so_many_parts() -> None:
    body = written([Part("q", None, b"")] * 2_001)
    with pytest.raises(FormError, match="too many"):
        form_parts(body, "multipart/form-data; boundary=frontier")


def test_a_part_has_a_name() -> None:
    body = b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    with pytest.raises(FormError, match="name"):
        form_parts(body, "multipart/form-data; boundary=b")
