"""The connection to real brokers: both versions of MQTT, TLS with certificates, and what is said
when the broker or a file does not do."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from agent import mqtt
from agent.i18n import translator
from agent.mqtt import WINDOW, Incoming, MqttLink, Will
from agent.mqtt_settings import MqttSettings
from agent.mqtt_tls import problems
from tests.broker_kit import MOSQUITTO, Mosquitto

pytestmark = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)
PATIENCE_S = 20.0
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


class Pki:
    """A company's certificates, and those of somebody else."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.stranger = trustme.CA(), trustme.CA()
        self.ca_file = self.file("ca.pem", self.ca.cert_pem)
        self.strange_ca_file = self.file("strange_ca.pem", self.stranger.cert_pem)
        self.lane = self.issued("lane", self.ca)
        self.strange_lane = self.issued("strange", self.stranger)
        self.old_lane = self.issued("old", self.ca, not_after=YESTERDAY)

    def file(self, name, blob):
        path = self.folder / name
        blob.write_to_path(path)
        path.chmod(0o644)
        return str(path)

    def issued(self, name, ca, host="127.0.0.1", **more):
        certificate = ca.issue_cert(host, **more)
        chain = self.file(f"{name}.pem", certificate.cert_chain_pems[0])
        return chain, self.file(f"{name}.key", certificate.private_key_pem)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@contextmanager
def broker(folder, *lines):
    folder.mkdir(exist_ok=True)
    started = Mosquitto(folder, *lines)
    try:
        yield started
    finally:
        started.stop()


def tls_lines(pki, certificate, *, asks=True):
    chain, key = certificate
    return (
        f"cafile {pki.ca_file}",
        f"certfile {chain}",
        f"keyfile {key}",
        f"require_certificate {'true' if asks else 'false'}",
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with broker(tmp_path_factory.mktemp("plain"), "max_inflight_messages 3") as started:
        yield started


@pytest.fixture(scope="module")
def strict(tmp_path_factory, pki):
    """A broker that lets in only who shows a certificate of the company."""
    folder = tmp_path_factory.mktemp("strict")
    with broker(folder, *tls_lines(pki, pki.issued("broker", pki.ca))) as started:
        yield started


@contextmanager
def linked(port, *, on_up=lambda: None, language="en", client_id="link", **settings):
    more = {key: settings.pop(key) for key in ("will", "clean") if key in settings}
    heard: list[Incoming] = []
    link = MqttLink(
        MqttSettings(port=port, **settings),
        client_id,
        on_up=on_up,
        on_message=lambda message: (link.confirm(message), heard.append(message)),
        say=translator(language),
        **more,
    )
    link.heard = heard
    try:
        yield link
    finally:
        link.close()


def turn_until(true, *links):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        for link in links:
            link.turn(0.02)


# --- versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "window"), [("3.1.1", WINDOW), ("5", 3)])
def test_both_versions_carry_and_a_window_is_never_wider_than_the_brokers(plain, version, window):
    with linked(plain.port, version=version, client_id=f"link-{version}") as link:
        turn_until(lambda: link.up, link)
        link.subscribe("there/and/back")
        for number in range(50):
            link.publish("there/and/back", b"%d" % number)
        assert link.unconfirmed == 50
        widest = len(link._unconfirmed)
        turn_until(lambda: len(link.heard) == 50, link)
        turn_until(lambda: not link.unconfirmed, link)

        assert link.window == window
        assert widest == window
        assert [message.payload for message in link.heard] == [b"%d" % n for n in range(50)]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_session_that_is_kept_holds_what_comes_meanwhile(plain, version):
    name = f"keeper-{version}"
    with linked(plain.port, version=version, client_id=name, clean=False) as first:
        turn_until(lambda: first.up, first)
        first.subscribe(f"kept/{version}")
        first.publish(f"kept/{version}", b"1")
        turn_until(lambda: first.heard, first)
    with linked(plain.port, version=version, client_id="sender") as sender:
        turn_until(lambda: sender.up, sender)
        sender.publish(f"kept/{version}", b"2")
        turn_until(lambda: not sender.unconfirmed, sender)
    with linked(plain.port, version=version, client_id=name, clean=False) as again:
        turn_until(lambda: again.heard, again)
        assert [message.payload for message in again.heard] == [b"2"]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_last_will_is_left_by_who_breaks_off(plain, version):
    with linked(plain.port, version=version, client_id="heir") as heir:
        heir_topic = f"will/{version}"
        turn_until(lambda: heir.up, heir)
        heir.subscribe(heir_topic)
        dying = linked(plain.port, version=version, will=Will(heir_topic, b"gone"))
        with dying as link:
            turn_until(lambda: link.up, link, heir)
            link._client.socket().shutdown(2)
            turn_until(lambda: heir.heard, heir)
        assert heir.heard[0].payload == b"gone"


def test_retries_are_spread_so_that_a_shops_lanes_do_not_come_back_as_one(monkeypatch, plain):
    monkeypatch.setattr(mqtt.time, "monotonic", lambda: 1000.0)
    waits = set()
    for _ in range(20):
        with linked(1, host="127.0.0.1") as link:  # nobody listens on port 1
            link.turn(0.0)
            waits.add(link._retry_at - 1000.0)
    assert len(waits) > 10
    low, high = mqtt.BACKOFF_S[0] / 2, mqtt.BACKOFF_S[0]
    assert all(low <= wait <= high for wait in waits)


# --- TLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_lane_with_the_companys_certificate_is_let_in(strict, pki, version):
    chain, key = pki.lane
    files = {"ca_file": pki.ca_file, "cert_file": chain, "key_file": key}
    with linked(strict.port, version=version, tls=True, **files) as link:
        turn_until(lambda: link.up, link)
        link.subscribe("secret")
        link.publish("secret", b"x" * 200_000)
        turn_until(lambda: link.heard, link)
        assert len(link.heard[0].payload) == 200_000


def said(caplog, port, language="en", **settings):
    """The one sentence that the technician reads."""
    caplog.clear()
    with linked(port, language=language, **settings) as link:
        turn_until(lambda: caplog.messages, link)
        assert not link.up
    return caplog.messages[0].partition(str(port))[2]


#: what is wrong -> files, and words of the sentence in both languages. What a broker says of our
#: certificate comes after the handshake and may be lost with the connection.
REFUSALS = {
    "no certificate": ({}, "set cert_file and key_file", "请设置 cert_file 和 key_file"),
    "a stranger's": ({"certificate": "strange_lane"}, "check cert_file", "请检查 cert_file"),
    "an expired one": ({"certificate": "old_lane"}, "has expired", "过期"),
    "a strange broker": (
        {"certificate": "lane", "ca": "strange_ca_file"},
        "ca_file does not hold the signer of the broker's certificate",
        "ca_file 中没有服务器证书的签发者",
    ),
    "no key": (
        {"certificate": "lane", "key": "/nowhere/lane.key"},
        "key_file: /nowhere/lane.key cannot be read: No such file or directory",
        "key_file: /nowhere/lane.key 无法读取：No such file or directory",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_what_is_wrong_with_a_certificate_is_said_in_words(strict, pki, caplog, case, language):
    wrong, english, chinese = REFUSALS[case]
    files = {"ca_file": getattr(pki, wrong.get("ca", "ca_file"))}
    if "certificate" in wrong:
        chain, key = getattr(pki, wrong["certificate"])
        files |= {"cert_file": chain, "key_file": wrong.get("key", key)}
    sentence = said(caplog, strict.port, language, tls=True, **files)
    assert (english if language == "en" else chinese) in sentence


@pytest.mark.parametrize(
    ("issued", "sentence"),
    [
        ({"not_after": YESTERDAY}, "the broker's certificate has expired, or this machine's clock"),
        ({"host": "192.0.2.1"}, "the broker's certificate is for another address: check host"),
    ],
)
def test_a_broker_with_a_wrong_certificate_is_not_trusted(tmp_path, pki, caplog, issued, sentence):
    lines = tls_lines(pki, pki.issued("wrong", pki.ca, **issued), asks=False)
    with broker(tmp_path / "b", *lines) as wrong:
        assert sentence in said(caplog, wrong.port, tls=True, ca_file=pki.ca_file)


def test_a_broker_without_tls_is_told_apart(plain, pki, caplog):
    sentence = said(caplog, plain.port, tls=True, ca_file=pki.ca_file)
    assert "does not speak TLS" in sentence or "whether TLS is spoken there" in sentence


def test_a_certificate_that_is_renewed_is_taken_without_a_restart(strict, pki, tmp_path, caplog):
    chain, key = tmp_path / "lane.pem", tmp_path / "lane.key"

    def put(certificate):
        for target, source in zip((chain, key), certificate, strict=True):
            target.write_bytes(Path(source).read_bytes())

    put(pki.old_lane)
    files = {"ca_file": pki.ca_file, "cert_file": str(chain), "key_file": str(key)}
    with linked(strict.port, tls=True, **files) as link:
        turn_until(lambda: caplog.messages, link)
        put(pki.lane)
        turn_until(lambda: link.up, link)


# --- files, before anything is connected ---------------------------------------------------------


def found(pki, **files):
    settings = MqttSettings(tls=True, **({"ca_file": pki.ca_file} | files))
    return [(key, text.english()) for key, text in problems(settings, datetime.now(UTC))]


def test_files_in_order_have_no_problem(pki):
    chain, key = pki.lane
    assert found(pki, cert_file=chain, key_file=key) == []
    assert found(pki) == []
    assert list(problems(MqttSettings(ca_file="/nowhere"), YESTERDAY)) == []


def test_each_wrong_file_is_named(pki, tmp_path):
    chain, _ = pki.lane
    _, other_key = pki.strange_lane
    old_chain, old_key = pki.old_lane
    text = tmp_path / "text"
    text.write_text("no certificate")
    (expired,) = found(pki, cert_file=old_chain, key_file=old_key)
    assert expired == ("cert_file", f"has expired on {YESTERDAY.date()}")
    (mismatch,) = found(pki, cert_file=chain, key_file=other_key)
    assert mismatch == ("cert_file", f"{chain} is not the certificate of key_file")
    (garbage,) = found(pki, ca_file=str(text))
    assert garbage == ("ca_file", f"{text} is no certificate or key in PEM form")
    (absent,) = found(pki, cert_file=chain, key_file="/nowhere")
    assert absent == ("key_file", "/nowhere cannot be read: No such file or directory")
