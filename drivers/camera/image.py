"""The one type of picture in here."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

#: Rows x columns (grey) or rows x columns x 3 (blue, green, red), one byte each. OpenCV's own hints
#: know no more than that it is an array, hence `Any`.
Image: TypeAlias = NDArray[Any]
