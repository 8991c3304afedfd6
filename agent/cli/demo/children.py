"""The demo's own processes: started with a log each, watched, ended, and never outlived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import agent
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import language_of, translator

#: A child asks the kernel to end it when its parent dies, however that happens (prctl(2),
#: PR_SET_PDEATHSIG = 1), and then runs the command line of a console script.
_COMMAND = """
import ctypes, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
from {module} import main
sys.exit(main(sys.argv[1:]))
"""

TAIL_LINES = 20
STOP_S = 15.0


class DemoFailed(TechnicianError):
    """The demo cannot go on; its sentences say why in the technician's language, above a log."""

    def __init__(self, *sentences: Text, log: str = "") -> None:
        say = translator(language_of(os.environ))
        super().__init__("\n".join((*map(say, sentences), log)).rstrip())


class Child:
    """One command of ours in a process of its own."""

    def __init__(
        self, name: str, module: str, arguments: list[str], log: Path, scratch: Path
    ) -> None:
        """`scratch`: where it and its libraries may leave temporary files."""
        self.name = name
        self._command = [sys.executable, "-P", "-c", _COMMAND.format(module=module), *arguments]
        self._log = log
        self._scratch = scratch
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        home = str(Path(agent.__file__).parents[1])
        environment = os.environ | {"PYTHONPATH": home, "TMPDIR": str(self._scratch)}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own command
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                process_group=0,  # Ctrl-C reaches the demo alone, which ends its children in order
            )

    def check(self) -> None:
        """Raises DemoFailed with the end of its log if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise self._failed(self._process.returncode)

    def kill(self) -> None:
        """End it at once, as a power cut would; it is not missed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it politely. Raises DemoFailed if it does not end well."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            args: dict[str, str | int] = {"name": self.name, "limit": int(STOP_S)}
            raise DemoFailed(Text("{name} did not stop within {limit} s", args)) from None
        if code:
            raise self._failed(code)

    def _failed(self, code: int) -> DemoFailed:
        lines = self._log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
        args: dict[str, str | int] = {"name": self.name, "code": code}
        ended = Text("{name} ended with code {code}; the last lines of its log:", args)
        return DemoFailed(ended, log="\n".join(lines))
