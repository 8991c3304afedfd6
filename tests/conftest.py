"""What all tests share: how hypothesis runs, one PostgreSQL, a browser for each file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.browser_kit import Browser
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


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """A real Chromium; the tests that ask for it are left out where there is none."""
    from tests.browser_kit import chromium, need_chromium

    need_chromium()
    with chromium() as browser:
        yield browser
