"""TLS of the MQTT connection: what is wrong with its files, and why a handshake failed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from agent.domain.text import Text
from agent.mqtt_settings import MqttSettings

Say: TypeAlias = Callable[[Text], str]

#: OpenSSL's names of what the broker says about us (alerts of RFC 8446 §6.2, in TLS 1.2 and 1.3).
_ALERT_TEXTS = {
    "TLSV1_ALERT_UNKNOWN_CA": "the broker does not know who signed our certificate: check"
    " cert_file",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the broker says that our certificate has expired: renew"
    " cert_file",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the broker refuses our certificate: check cert_file",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the broker says that our certificate was revoked: renew"
    " cert_file",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the broker refuses our certificate: check cert_file",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the broker asks for a certificate: set cert_file and"
    " key_file",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the broker asks for a certificate, or speaks another TLS: set"
    " cert_file and key_file",
    "WRONG_VERSION_NUMBER": "the broker does not speak TLS on this port",
}

#: X509_V_ERR_… of OpenSSL's x509_vfy.h, about the broker's certificate.
_VERIFY_TEXTS = {
    2: "ca_file does not hold the signer of the broker's certificate",
    18: "the broker signed its certificate itself: put it into ca_file if you trust it",
    19: "ca_file does not hold the signer of the broker's certificate",
    20: "ca_file does not hold the signer of the broker's certificate",
    21: "ca_file does not hold the signer of the broker's certificate",
    9: "the broker's certificate is not valid yet: check this machine's clock",
    10: "the broker's certificate has expired, or this machine's clock is wrong",
    62: "the broker's certificate is for another name: check host",
    64: "the broker's certificate is for another address: check host",
}


class TlsUnusable(Exception):
    """A file cannot be used now; it may be put right while this process runs."""

    def __init__(self, key: str, text: Text) -> None:
        self.key = key
        self.text = text
        super().__init__(f"{key}: {text.english()}")


class Context(ssl.SSLContext):
    """Knows its last socket, which paho leaves open when the handshake fails."""

    last: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **more: Any) -> ssl.SSLSocket:
        self.last = super().wrap_socket(*args, **more)
        return self.last

    def close_last(self) -> None:
        if self.last is not None:
            self.last.close()


def context_of(settings: MqttSettings) -> Context:
    """What the connection is secured with. Raises TlsUnusable."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
    if settings.ca_file:
        _load("ca_file", settings.ca_file, lambda: context.load_verify_locations(settings.ca_file))
    else:
        context.load_default_certs()
    load_own(context, settings)
    return context


def load_own(context: ssl.SSLContext, settings: MqttSettings) -> None:
    """Our own certificate, once more if it was renewed. Raises TlsUnusable."""
    if not settings.cert_file:
        return
    _readable("key_file", settings.key_file)
    _load(
        "cert_file",
        settings.cert_file,
        lambda: context.load_cert_chain(
            settings.cert_file,
            settings.key_file,
            lambda: "",  # nobody is there to type a password
        ),
    )


def _readable(key: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        args: dict[str, str | int] = {"file": file, "reason": error.strerror or str(error)}
        raise TlsUnusable(key, Text("{file} cannot be read: {reason}", args)) from error


def _load(key: str, file: str, load: object) -> None:
    _readable(key, file)
    assert callable(load)
    try:
        load()
    except ssl.SSLError as error:
        raise TlsUnusable(key, _file_problem(file, error)) from error


def _file_problem(file: str, error: ssl.SSLError) -> Text:
    if error.reason == "KEY_VALUES_MISMATCH":
        return Text("{file} is not the certificate of key_file", {"file": file})
    return Text("{file} is no certificate or key in PEM form", {"file": file})


def problems(settings: MqttSettings, now: datetime) -> Iterator[tuple[str, Text]]:
    """(key, what is wrong) of the files as they are now."""
    if not settings.tls:
        return
    try:
        context_of(settings)
    except TlsUnusable as error:
        yield error.key, error.text
        return
    if settings.cert_file:
        ends = _ends(ssl.PEM_cert_to_DER_cert(_first_certificate(settings.cert_file)))
        if ends <= now:
            yield "cert_file", Text("has expired on {day}", {"day": ends.date().isoformat()})


def _first_certificate(file: str) -> str:
    text = Path(file).read_text("ascii", errors="replace")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return text[text.index(begin) : text.index(end) + len(end)]


def _ends(der: bytes) -> datetime:
    """The end of a certificate's validity (RFC 5280 §4.1: the fifth part of tbsCertificate, after
    an optional version), which the standard library shows of signers' certificates alone."""
    certificate = _parts(der)[0][1]
    fields = _parts(_parts(certificate)[0][1])
    offset = 1 if fields[0][0] == 0xA0 else 0
    tag, value = _parts(fields[offset + 3][1])[1]
    form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"  # UTCTime, GeneralizedTime
    return datetime.strptime(value.decode("ascii"), form).replace(tzinfo=UTC)


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of each element of a DER sequence's content."""
    found, at = [], 0
    while at + 1 < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:  # the long form says how many bytes the length has
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        found.append((tag, der[at : at + length]))
        at += length
    return found


def reason_of(error: OSError) -> Text:
    """Why a connection could not be made, or broke: in words that name what to change."""
    match error:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _VERIFY_TEXTS:
            return Text(_VERIFY_TEXTS[code])
        case ssl.SSLError(reason=str(reason)) if reason in _ALERT_TEXTS:
            return Text(_ALERT_TEXTS[reason])
        case socket.gaierror():
            return Text("no machine of this name is known: check host")
        case ConnectionResetError():
            return Text("it breaks off: check port, and whether TLS is spoken there")
        case ConnectionRefusedError():
            return Text("nothing listens there: check host and port")
        case TimeoutError():
            return Text("it does not answer")
    return Text("{reason}", {"reason": error.strerror or str(error)})


def hang_up(settings: MqttSettings, message: str, now: datetime, say: Say) -> Text:
    """Why the broker ended a connection right after the handshake. In TLS 1.3 it looks at our
    certificate only then, and its word for what it found is often lost with the connection."""
    for key, text in problems(settings, now):
        return Text("{key}: {reason}", {"key": key, "reason": say(text)})
    alert = next((name for name in _ALERT_TEXTS if name in message), "")
    if alert:
        return Text(_ALERT_TEXTS[alert])
    if settings.cert_file:
        return Text("the broker hangs up: it seems to refuse our certificate: check cert_file")
    return Text(
        "the broker hangs up: it seems to ask for a certificate: set cert_file and key_file"
    )
