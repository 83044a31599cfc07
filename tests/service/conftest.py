"""A tiny service and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tiny_service import Tiny, client_of, tiny


@pytest.fixture
def service(tmp_path: Path) -> Tiny:
    return tiny(tmp_path / "downloads")


@pytest.fixture
def client(service: Tiny) -> Iterator[TestClient]:
    with client_of(service) as client:
        yield client
