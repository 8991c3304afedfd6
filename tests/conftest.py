"""What all tests share: how hypothesis runs, and one PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.postgres_kit import Postgres

settings.register_profile("here", print_blob=True, deadline=None)
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a run; each takes a database of its own from it."""
    from tests.postgres_kit import Postgres

    server = Postgres()
    server.make_template()
    yield server
    server.stop()
