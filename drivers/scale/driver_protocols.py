"""Serial scales that need no more than their protocol: asked ones, and ones that speak unasked.

Line settings are the ones most often documented; a scale's own menu decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drivers.base import option
from drivers.scale import (
    codec_cas,
    codec_cas_stream,
    codec_icl,
    codec_mt_sics,
    codec_nci,
    codec_sma,
    codec_toledo_continuous,
)
from drivers.scale.driver_serial import AskedOptions, ListenedOptions, SerialScale


class NciScale(SerialScale):
    """NCI (Weigh-Tronix) SCP-01 and ECR; CAS scales in their `W` mode."""

    def __init__(self, role: str, options: AskedOptions) -> None:
        super().__init__(role, options, codec_nci.PROTOCOL)


class SmaScale(SerialScale):
    """Any maker's scale that keeps SMA SCP-0499."""

    def __init__(self, role: str, options: AskedOptions) -> None:
        super().__init__(role, options, codec_sma.PROTOCOL)


class MtSicsScale(SerialScale):
    """Mettler Toledo's bench and counter scales, and others that keep MT-SICS level 0."""

    def __init__(self, role: str, options: AskedOptions) -> None:
        super().__init__(role, options, codec_mt_sics.PROTOCOL)


class CasScale(SerialScale):
    """CAS POS scales that are asked by ENQ and DC1."""

    accepts: ClassVar[tuple[type, ...]] = ()  # the protocol has no command to zero

    def __init__(self, role: str, options: AskedOptions) -> None:
        super().__init__(role, options, codec_cas.PROTOCOL)


@dataclass(frozen=True, slots=True)
class IclOptions(AskedOptions):
    data_bits: int = option(7, "data bits that the scale is set to", choices=(7, 8))
    parity: str = option("even", "parity that the scale is set to", choices=("even", "odd", "none"))


class IclScale(SerialScale):
    """Checkout scales set to ICL. CAS's "type 0" and "type 1" are asked by DC2 and are not this."""

    Options: ClassVar[type] = IclOptions
    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: IclOptions) -> None:
        super().__init__(role, options, codec_icl.PROTOCOL)


@dataclass(frozen=True, slots=True)
class ToledoContinuousOptions(ListenedOptions):
    data_bits: int = option(7, "data bits that the scale is set to", choices=(7, 8))
    parity: str = option("even", "parity that the scale is set to", choices=("even", "odd", "none"))
    checksum: bool = option(True, "the scale is set to add a checksum; better than without")


class ToledoContinuousScale(SerialScale):
    """Scales and indicators that send Toledo continuous output."""

    Options: ClassVar[type] = ToledoContinuousOptions
    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: ToledoContinuousOptions) -> None:
        super().__init__(role, options, codec_toledo_continuous.PROTOCOLS[options.checksum])


class CasStreamScale(SerialScale):
    """CAS and A&D indicators that send their weight unasked."""

    Options: ClassVar[type] = ListenedOptions
    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: ListenedOptions) -> None:
        super().__init__(role, options, codec_cas_stream.PROTOCOL)
