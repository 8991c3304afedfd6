"""What TLS costs: fifty sales a second to the ledger's acknowledgement, each end with a certificate
of its own, beside the same sales without TLS, in turn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import trustme

from agent.mqtt_settings import MqttSettings
from tests.bench.lane import BenchLane, running
from tests.bench.latency import RATE, sold_at_rate
from tests.bench.rig import Line, baskets, bridge, items, mosquitto, percentile

ROUNDS, SALES = 3, 500
SALES_QUICK = 250


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    certificates = _Certificates(folder)
    chosen = baskets(SALES_QUICK if quick else SALES)
    plain: list[float] = []
    encrypted: list[float] = []
    for number in range(1 if quick else ROUNDS):
        plain += _to_ledger_ms(folder / f"plain-{number}", chosen, None)
        encrypted += _to_ledger_ms(folder / f"tls-{number}", chosen, certificates)
    return [_figure(encrypted, plain, part) for part in (0.5, 0.99)]


class _Certificates:
    """One authority, and what it has issued to broker, lane and bridge."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        self._issued = {}
        for name in ("broker", "lane", "bridge"):
            certificate = authority.issue_cert("127.0.0.1")
            files = folder / f"{name}.pem", folder / f"{name}.key"
            certificate.cert_chain_pems[0].write_to_path(files[0])
            certificate.private_key_pem.write_to_path(files[1])
            for file in files:
                file.chmod(0o644)
            self._issued[name] = files

    def broker_lines(self) -> tuple[str, ...]:
        certificate, key = self._issued["broker"]
        files = (f"cafile {self.ca}", f"certfile {certificate}", f"keyfile {key}")
        return (*files, "require_certificate true")

    def lane(self, port: int) -> MqttSettings:
        files = map(str, (self.ca, *self._issued["lane"]))
        return MqttSettings("127.0.0.1", port, "", "", "3.1.1", True, *files)

    def bridge_lines(self) -> str:
        certificate, key = self._issued["bridge"]
        files = {"ca_file": self.ca, "cert_file": certificate, "key_file": key}
        return "tls = true\n" + "".join(f'{name} = "{file}"\n' for name, file in files.items())


def _to_ledger_ms(folder: Path, chosen: list[list[Line]], tls: _Certificates | None) -> list[float]:
    folder.mkdir()
    settings: Callable[[int], MqttSettings | int] = tls.lane if tls else int
    with ExitStack() as stack:
        port = stack.enter_context(mosquitto(folder, *(tls.broker_lines() if tls else ())))
        stack.enter_context(bridge(folder, port, chosen, tls.bridge_lines() if tls else ""))
        lane = BenchLane(folder, settings(port), items(chosen))
        stack.enter_context(running(lane))
        return sold_at_rate(lane, chosen)[0]


def _figure(encrypted: list[float], plain: list[float], part: float) -> dict[str, str]:
    a, b = percentile(encrypted, part), percentile(plain, part)
    return {
        "figure": f"the same with TLS, certificates at both ends (p{part * 100:g})",
        "ours": f"{a:.2f} ms",
        "yardstick": f"{b:.2f} ms",
        "ratio": f"{a / b:.2f}",
        "target": "≤ 5 ms" if part == 0.5 else "≤ 20 ms",
        "how": f"{len(plain):,} real baskets at {RATE} sales/s on mosquitto / without TLS, in turn",
    }
