"""USB printer class (07) through pyusb."""

from __future__ import annotations

import contextlib
import errno
import time
from typing import Any

import usb.core
import usb.util

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity

_PRINTER_CLASS = 0x07
_OUT, _IN = usb.util.ENDPOINT_OUT, usb.util.ENDPOINT_IN
_EMPTY_READ_PAUSE_S = 0.005


def find(vid: int, pid: int, serial: str, path: str, backend: Any = None) -> Any:
    """The one printer that fits; 0 and "" fit all. `path` is the port, such as "1-1.3".

    Raises DeviceUnavailable if there is none, DeviceMisconfigured if there are several.
    """
    try:
        found = [
            device
            for device in usb.core.find(find_all=True, backend=backend)
            if vid in (0, device.idVendor)
            and pid in (0, device.idProduct)
            and path in ("", _port(device))
            and _interface(device) is not None
            and serial in ("", _string(device, "serial_number"))
        ]
    except (usb.core.USBError, usb.core.NoBackendError) as error:
        raise _unavailable(error) from error
    if not found:
        raise DeviceUnavailable("no such USB printer is plugged in")
    if len(found) > 1:
        ports = ", ".join(map(_port, found))
        raise DeviceMisconfigured(f"several USB printers fit: give a serial or a path of {ports}")
    return found[0]


def identify(device: Any) -> Identity:
    names = ("manufacturer", "product", "serial_number")
    vendor, product, serial = (_string(device, name) for name in names)
    return Identity(vendor, product, serial, _port(device))


class UsbPort:
    """The printer interface of one device, claimed. The device is never reset: that makes some
    printers drop what they hold and others vanish."""

    def __init__(self, device: Any) -> None:
        """Take the interface. Raises DeviceUnavailable or DeviceMisconfigured."""
        self._device = device
        self._detached = False
        interface = _interface(device)
        self._number: int = interface.bInterfaceNumber
        self._out, self._in = _endpoint(interface, _OUT), _endpoint(interface, _IN)
        try:
            self._take(interface)
        except usb.core.USBError as error:
            self.close()
            raise _unavailable(error) from error

    def _take(self, interface: Any) -> None:
        with contextlib.suppress(NotImplementedError):  # not all systems have kernel drivers
            if self._device.is_kernel_driver_active(self._number):  # usblp
                self._device.detach_kernel_driver(self._number)
                self._detached = True
        try:
            self._device.get_active_configuration()
        except usb.core.USBError:
            self._device.set_configuration()
        usb.util.claim_interface(self._device, self._number)
        if interface.bAlternateSetting:
            interface.set_altsetting()

    def write(self, data: bytes, timeout_ms: int) -> int:
        return _transfer(self._out.write, data, timeout_ms) or 0

    def read(self, timeout_ms: int) -> bytes:
        if self._in is None:  # a printer that only listens: as silent as one that could speak
            time.sleep(timeout_ms / 1000)
            return b""
        data = _transfer(self._in.read, self._in.wMaxPacketSize, timeout_ms)
        if data is not None and not data:  # an empty packet, where other printers make us wait
            time.sleep(_EMPTY_READ_PAUSE_S)
        return bytes(data or b"")

    def pending_bytes(self) -> int:
        return 0  # a bulk transfer counts what the printer itself has acknowledged

    def close(self) -> None:
        with contextlib.suppress(usb.core.USBError, NotImplementedError):
            usb.util.release_interface(self._device, self._number)
            if self._detached:
                self._device.attach_kernel_driver(self._number)
                self._detached = False
        usb.util.dispose_resources(self._device)


def _transfer(call: Any, argument: Any, timeout_ms: int) -> Any:
    """The transfer's result, None at the time-out. Raises DeviceUnavailable."""
    try:
        return call(argument, max(1, timeout_ms))  # 0 would be for ever
    except usb.core.USBError as error:
        if error.errno == errno.ETIMEDOUT:
            return None
        raise _unavailable(error) from error


def _interface(device: Any) -> Any:
    """The first setting of a printer interface that can be written to."""
    for configuration in device:
        for interface in configuration:
            if interface.bInterfaceClass == _PRINTER_CLASS and _endpoint(interface, _OUT):
                return interface
    return None


def _endpoint(interface: Any, direction: int) -> Any:
    """Its bulk endpoint to or from the printer."""
    for endpoint in interface:
        kind, way = endpoint.bmAttributes & 0x03, endpoint.bEndpointAddress & 0x80
        if (kind, way) == (usb.util.ENDPOINT_TYPE_BULK, direction):
            return endpoint
    return None


def _string(device: Any, name: str) -> str:
    try:
        return getattr(device, name) or ""
    except (usb.core.USBError, ValueError, NotImplementedError):  # no right to read, or no strings
        return ""


def _port(device: Any) -> str:
    ports = ".".join(map(str, device.port_numbers or ())) or str(device.address)
    return f"{device.bus}-{ports}"


def _unavailable(error: usb.core.USBError | usb.core.NoBackendError) -> Exception:
    if isinstance(error, usb.core.NoBackendError):
        return DeviceMisconfigured("libusb-1.0 is not installed")
    if error.errno == errno.EACCES:
        return DeviceMisconfigured(f"no right to use the USB printer (udev rule?): {error}")
    return DeviceUnavailable(f"USB printer: {error}")
