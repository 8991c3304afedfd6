"""A real lane and two workers of a real bridge, as processes at a real mosquitto."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from agent.journal import JournalReader
from tests.broker_kit import Mosquitto, free_port, listens, wait_for

ROOT = Path(__file__).parents[1]
TOKEN = "pos-token-0123456"
LANE = "acme/s1/lane-1"

LANE_FILE = """
[store]
org = "acme"
id = "s1"
name = "Shop"
currency = "CNY"
tax_rate_bp = 900
[lane]
id = "lane-1"
data_dir = "{folder}/data"
[mqtt]
port = {broker}
version = "{version}"
[api]
port = {api}
[[api.client]]
name = "pos"
token = "{token}"
[[device]]
role = "printer"
kind = "printer"
model = "escpos"
transport = "tcp"
host = "127.0.0.1"
port = {printer}
"""


class Process:
    def __init__(self, module, *arguments):
        start = f"import sys; from {module} import main; sys.exit(main(sys.argv[1:]))"
        self.command = [sys.executable, "-c", start, *map(str, arguments)]
        self.start()

    def start(self):
        self.child = subprocess.Popen(
            self.command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        return self.child.wait(20)


class Site:
    """A lane and a bridge at one broker."""

    def __init__(self, folder, version="5"):
        self.folder = folder
        self.broker = Mosquitto(folder)
        self.api = free_port()
        self.lane_file, self.bridge_file = folder / "lane.toml", folder / "bridge.toml"
        self.lane_file.write_text(
            LANE_FILE.format(
                folder=folder,
                version=version,
                broker=self.broker.port,
                api=self.api,
                token=TOKEN,
                printer=free_port(),
            )
        )
        self.bridge_file.write_text(
            f'[bridge]\norg = "acme"\nshare = "bridge"\n[mqtt]\nport = {self.broker.port}\n'
            f'version = "{version}"\n[ledger]\npath = "{folder}/ledger.db"\n'
        )
        bridge = ("cloud_bridge.cli", "run", "--config", self.bridge_file, "--worker")
        self.processes = [Process(*bridge, "1"), Process(*bridge, "2")]
        self.lane = Process("agent.cli", "run", "--config", self.lane_file)
        self.processes.append(self.lane)
        try:
            self.wait_for_lane()
        except AssertionError:  # or what was started would be found, and told of, in another test
            self.close()
            raise

    def wait_for_lane(self):
        wait_for(lambda: listens(self.api), "the lane answers")

    def close(self):
        for process in self.processes:
            if process.child.poll() is None:
                process.end()
        self.broker.stop()

    def refusal(self):
        """What the lane says, in its own language, to who shows no token."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.api}/v1/lane", timeout=10).close()
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)["detail"]
        return ""

    @property
    def journal(self):
        return self.folder / "data" / "journal.db"

    def acknowledged(self):
        with closing(JournalReader(self.journal)) as reader:
            figures = reader.figures()
        return figures["facts"] == figures["acknowledged"]

    def post(self, path, body):
        """Status of a request of the POS."""
        head = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api}{path}", json.dumps(body).encode(), head
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code
