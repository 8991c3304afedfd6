"""What all tests share: how hypothesis runs."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("here", print_blob=True, deadline=None)
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
