"""Pictures from a camera, a video file or a folder; only the newest, older ones are dropped.

OpenCV keeps four pictures of a camera in a queue, so that a slow reader sees the past (OpenCV issue
10671). Here a thread takes every picture off that queue at once, and only what is asked for is
unpacked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2

from drivers.base import DeviceUnavailable
from drivers.camera.image import Image

IMAGES: Final = {".png", ".jpg", ".jpeg", ".bmp"}
END_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Picture:
    image: Image
    mono_ns: int  #: when it was taken off the queue


class CapturePort:
    """`newest` may be called from one thread."""

    def __init__(self, path: str, width_px: int, height_px: int, fps: int) -> None:
        self._path = Path(path)
        self._size_px = (width_px, height_px)
        self._fps = fps
        self._news = threading.Condition()
        self._picture: Picture | None = None
        self._wanted = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self.grabbed = 0  #: pictures that came, looked at or not
        self.ended = False  #: no more will come

    def open(self) -> None:
        """Raises DeviceUnavailable if there is no camera, or one that does not open."""
        source, pause_s = self._source()
        self._thread = threading.Thread(target=self._pump, args=(source, pause_s), daemon=True)
        self._thread.start()

    def newest(self, wait_ms: int) -> Picture | None:
        """The next picture from now on; None if none came in `wait_ms`, or at the end."""
        with self._news:
            self._wanted = True
            self._news.wait_for(lambda: self._picture is not None or self.ended, wait_ms / 1000)
            picture, self._picture = self._picture, None
            return picture

    def close(self) -> bool:
        """False if it hangs: then the camera is not free before this process has ended."""
        self._closed.set()
        if self._thread is None:
            return True
        self._thread.join(END_S)  # OpenCV may wait 10 s for a camera that hangs: not with it
        return not self._thread.is_alive()

    def _source(self) -> tuple[cv2.VideoCapture | ImageFolder, float]:
        """What gives pictures, and the pause between them: a camera keeps its own time."""
        if self._path.is_dir():
            return ImageFolder(self._path), 1 / self._fps
        if self._path.is_char_device():
            return _camera(self._path, self._size_px, self._fps), 0
        clip = cv2.VideoCapture(str(self._path))
        if not clip.isOpened():
            raise DeviceUnavailable("it is no camera and no video")
        return clip, 1 / (clip.get(cv2.CAP_PROP_FPS) or self._fps)

    def _pump(self, source: cv2.VideoCapture | ImageFolder, pause_s: float) -> None:
        due_s = time.monotonic()
        while not self._closed.is_set() and source.grab():
            self.grabbed += 1
            if self._wanted:
                good, image = source.retrieve()
                if good and image is not None:
                    self._hand_over(Picture(image, time.monotonic_ns()))
            due_s += pause_s
            self._closed.wait(max(due_s - time.monotonic(), 0))
        with self._news:
            self.ended = True
            self._news.notify()
        source.release()

    def _hand_over(self, picture: Picture) -> None:
        with self._news:
            self._picture, self._wanted = picture, False
            self._news.notify()


def _camera(path: Path, size_px: tuple[int, int], fps: int) -> cv2.VideoCapture:
    camera = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
    if not camera.isOpened():
        raise DeviceUnavailable("the camera does not open: in use, or no permission")
    # Motion JPEG first: unpacked, most cameras give large pictures five times a second only, and
    # the size is checked against the format that is set (OpenCV issue 9540).
    camera.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, size_px[0])
    camera.set(cv2.CAP_PROP_FRAME_HEIGHT, size_px[1])
    camera.set(cv2.CAP_PROP_FPS, fps)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return camera


class ImageFolder:
    """The images of a folder, one after the other by name; as much of a VideoCapture as is used."""

    def __init__(self, folder: Path) -> None:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGES)
        self._files: Iterator[Path] = iter(files)
        self._file: Path | None = None

    def grab(self) -> bool:
        self._file = next(self._files, None)
        return self._file is not None and self._file.exists()

    def retrieve(self) -> tuple[bool, Any]:
        image = cv2.imread(str(self._file), cv2.IMREAD_COLOR)
        return image is not None, image

    def release(self) -> None:
        self._files = iter(())
