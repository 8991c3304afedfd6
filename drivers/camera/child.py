"""The camera's own process: `python -m drivers.camera.child`, started for `port_child`.

The first line on its standard input is `CameraOptions` as JSON. It loads its libraries, and waits
for the next, an empty one: so it may be started before its camera is plugged in, and waits again
when it was pulled out. It writes lines of `codec_child` to its standard output and ends when its
standard input does: whatever becomes of the agent, the camera is free again.
"""

from __future__ import annotations

import json
import os
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from drivers.base import DeviceUnavailable, ItemsCrossed, LabelSeen
from drivers.camera.codec_child import Alive, ChildMessage, Lost, Ready, Unfit, line
from drivers.camera.options import CameraOptions
from drivers.camera.watch import PictureWatch

if TYPE_CHECKING:
    from drivers.camera.counting import ItemCounter
    from drivers.camera.port_capture import CapturePort, Picture
    from drivers.camera.reading import LabelReader

NICENESS: Final = 5  #: the sale goes first
READ_BYTES: Final = 4096
BEAT_NS: Final = 500_000_000
WAIT_MS: Final = 100
STUCK_NS: Final = 5_000_000_000  #: a picture is read in 0.1 s, on a slow box in 0.5 s
DIGEST_ROWS: Final = 4  #: every so many rows are enough to tell two pictures apart

Say: TypeAlias = Callable[[ChildMessage], None]


def main() -> None:
    pipe = os.dup(1)
    os.dup2(2, 1)  # what libraries print goes to the log, not between our lines
    told, _, more = _first_lines().partition(b"\n")
    begin = threading.Event()
    if more:
        begin.set()
    threading.Thread(target=_end_with_parent, args=(begin,), daemon=True).start()
    options = CameraOptions(**json.loads(told))

    def say(message: ChildMessage) -> None:
        try:
            os.write(pipe, line(message))
        except OSError:
            os._exit(0)

    def wait_to_begin() -> bool:
        begin.wait()
        begin.clear()
        with suppress(PermissionError):  # a sandbox may forbid it: no reason not to look
            # not before: while it loads, somebody may wait for it
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        return True

    serve(options, say, wait_to_begin)
    os._exit(0)  # a thread may hang in a camera that does: it is not waited for


def _first_lines() -> bytes:
    """The options, and what came with them. Ends with the parent, too."""
    said = b""
    while b"\n" not in said:
        piece = os.read(0, READ_BYTES)
        if not piece:
            os._exit(0)
        said += piece
    return said


def _end_with_parent(begin: threading.Event) -> None:
    with suppress(OSError):  # it was killed before it had read what we said
        while os.read(0, READ_BYTES):
            begin.set()
    os._exit(0)


def serve(options: CameraOptions, say: Say, wait_to_begin: Callable[[], bool]) -> None:
    """Look at pictures each time that it is told to begin, until there are no more: says why.

    Then it waits again, with all that it has loaded, for a camera that is back; it ends if there is
    one that it cannot let go.
    """
    try:
        import cv2

        from drivers.camera.port_capture import CapturePort

        cv2.setNumThreads(1)
        desk = Desk(options, say)
    except ImportError as error:  # libzbar0 is a package of the system, not of Python
        say(Unfit(f"a library is missing: {error}"))
        return
    is_free = True
    while is_free and wait_to_begin():
        port = CapturePort(options.path, options.width_px, options.height_px, options.fps)
        try:
            port.open()
            reason = _look(port, desk, options.frozen_ms * 1_000_000, say)
        except DeviceUnavailable as error:
            reason = str(error)
        is_free = port.close()
        desk.close()
        desk = Desk(options, say)
        say(Lost(reason))


def _look(port: CapturePort, desk: Desk, limit_ns: int, say: Say) -> str:
    """The loop; why it ended."""
    watch: PictureWatch | None = None
    frames, beat_ns = 0, 0
    while True:
        picture = port.newest(WAIT_MS)
        now_ns = time.monotonic_ns()
        if picture is not None:
            frames += 1
            if watch is None:
                watch = PictureWatch(limit_ns, now_ns)
                say(Ready(picture.image.shape[1], picture.image.shape[0]))
            watch.saw(zlib.crc32(picture.image[::DIGEST_ROWS].tobytes()), now_ns)
            desk.take(picture)
        elif port.ended:
            desk.finish()
            return "no more pictures"
        if watch is not None and (trouble := watch.trouble(now_ns)):
            return trouble
        if watch is not None and now_ns - beat_ns >= BEAT_NS and not desk.is_stuck(now_ns):
            beat_ns = now_ns
            say(Alive(frames, port.grabbed - frames, time.process_time_ns() // 1_000_000))


class Desk:
    """Hands pictures to the pipelines: all to the counter, to the reader as many as it can take."""

    def __init__(self, options: CameraOptions, say: Say) -> None:
        self._say = say
        self._counter = None if options.mode == "reading" else _counter(options)
        self._reader = None if options.mode == "counting" else _reader(options)
        self._pool = ThreadPoolExecutor(1)
        self._reading: Future[list[LabelSeen]] | None = None
        self._since_ns = 0

    def take(self, picture: Picture) -> None:
        if self._counter is not None:
            for crossing in self._counter.step(picture.image):
                said = ItemsCrossed("", crossing.count, crossing.confidence_pct, picture.mono_ns)
                self._say(said)
        if self._reader is None:
            return
        if self._reading is not None and self._counter is None:
            wait([self._reading], WAIT_MS / 1000)  # nobody else needs the next picture
        if self._reading is None or self._reading.done():
            self.finish()
            self._since_ns = picture.mono_ns
            self._reading = self._pool.submit(_read, self._reader, picture)

    def finish(self) -> None:
        """Say what the reader has read."""
        if self._reading is not None:
            reading, self._reading = self._reading, None
            for label in reading.result():
                self._say(label)

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    def is_stuck(self, now_ns: int) -> bool:
        busy = self._reading is not None and not self._reading.done()
        return busy and now_ns - self._since_ns > STUCK_NS


def _read(reader: LabelReader, picture: Picture) -> list[LabelSeen]:
    return [
        LabelSeen("", a.scan_data, a.symbology, a.frames, picture.mono_ns)
        for a in reader.step(picture.image, picture.mono_ns)
    ]


def _reader(o: CameraOptions) -> LabelReader:
    from drivers.camera.reading import LabelReader

    return LabelReader(o.agree_frames, o.forget_ms * 1_000_000)


def _counter(o: CameraOptions) -> ItemCounter:
    from drivers.camera.counting import ItemCounter, LineSettings, Zone

    zone = Zone(o.zone_left_pct, o.zone_top_pct, o.zone_right_pct, o.zone_bottom_pct)
    line = LineSettings(o.direction, o.line_pct, o.band_pct, o.smallest_pm, o.gap_pm, o.age_min)
    return ItemCounter(zone, line)


if __name__ == "__main__":
    main()
