"""In the virtual box: runs what the host asks for on one virtio port, one command at a time.

A line of JSON in, `{"run": "shell command"}`; lines of JSON out, `{"out": "a line of output"}` as
they come and at last `{"code": 0}`. Python's standard library alone: it is there before Lanetally.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(path):
    while not Path(path).exists():  # udev has not named it yet
        time.sleep(0.1)
    with Path(path).open("r+b", buffering=0) as port:

        def tell(**what):
            port.write(json.dumps(what).encode() + b"\n")

        tell(ready=True)
        rest = b""
        while True:
            data = port.read(65536)
            if not data:  # nobody is at the other end
                time.sleep(0.05)
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                obey(json.loads(line)["run"], tell)


def obey(command, tell):
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, HOME="/root", LC_ALL="C.UTF-8"),
    )
    for line in process.stdout:
        tell(out=line.decode("utf-8", "replace").rstrip("\n"))
    tell(code=process.wait())


if __name__ == "__main__":
    main(sys.argv[1])
