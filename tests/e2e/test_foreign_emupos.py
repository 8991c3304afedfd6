"""Our drivers against devices that nobody here wrote: the emulator emupos.

It renders each receipt as a picture: its codes are read back from there as a phone would, by zbar.
"""

from __future__ import annotations

import io

import pytest
from PIL import Image
from pyzbar import pyzbar

from agent.domain.facts import TransactionSettled
from agent.domain.receipt import ReceiptStyle, receipt_blocks
from agent.domain.text import Text
from drivers.base import PrinterStatus, PrintFinished, PrintJob, ScanData
from drivers.hid.keycodes import KEY_LEFTSHIFT, KEY_OF_USAGE
from drivers.hid.sim import NO_KEYS, FifoOutput, report
from drivers.printer.driver_escpos import EscposPrinter
from drivers.registry import load
from tests.emupos_kit import running_emupos
from tests.lane_kit import MILK, TEA, only, sale
from tests.scale_kit import Running, driver_of, running, started

STYLE = ReceiptStyle(("Corner Shop",), ("Thank you",), 2, qr=True, kick_drawer=True)
SETTLED = only(TransactionSettled, sale(charges=(MILK, TEA)).facts)


@pytest.fixture(scope="module")
def emupos(tmp_path_factory):
    with running_emupos(tmp_path_factory.mktemp("emupos")) as running:
        yield running


# --- the printer ---


class Printing(Running):
    def next_of(self, kind: type):
        while not isinstance(event := self.event(), kind):
            pass
        return event

    def status(self, *problems: str) -> PrinterStatus:
        while (status := self.next_of(PrinterStatus)).problems != problems:
            pass
        return status

    def prints(self, *blocks: dict, job_id: str = "j") -> tuple[str, str]:
        self.driver.handle(PrintJob(job_id, blocks))
        done = self.next_of(PrintFinished)
        assert done.job_id == job_id
        return done.outcome, done.reason


@pytest.fixture
def printing(emupos):
    emupos.do("POST", "/devices/front/drawer/close")
    options = {"drawer_open": "high", "cjk": "raster", "profile": "TM-T20II", "columns": 48}
    driver = EscposPrinter(
        "printer", EscposPrinter.Options(host="127.0.0.1", port=emupos.printer_port, **options)
    )
    with started(Printing(driver)) as run:
        yield run


def receipt(emupos) -> tuple[str, Image.Image]:
    text = emupos.get("/devices/front/receipts/latest/text").decode()
    return text, Image.open(io.BytesIO(emupos.get("/devices/front/receipts/latest/image")))


def test_a_whole_receipt_is_on_paper_and_its_codes_can_be_read(emupos, printing):
    printing.status()
    *blocks, cut = receipt_blocks(SETTLED, STYLE, Text.english, printed_at="2026-11-22 10:05")
    assert printing.prints(*blocks, {"barcode": "400638133393"}, cut) == ("printed", "")
    text, picture = receipt(emupos)
    assert "Corner Shop" in text
    assert text.split("Total")[1].split()[:2] == ["CNY", "22.50"]
    codes = {code.data.decode() for code in pyzbar.decode(picture)}
    assert codes == {SETTLED.receipt_number, "400638133393"}
    assert picture.width == 576


def test_eans_can_be_read_from_the_paper_as_eans(emupos, printing):
    printing.status()
    eans = ("4006381333931", "96385074")
    blocks = [block for ean in eans for block in ({"barcode": ean}, {"feed": 2})]
    assert printing.prints(*blocks, {"cut": True}) == ("printed", "")
    codes = {(code.type, code.data.decode()) for code in pyzbar.decode(receipt(emupos)[1])}
    assert codes == {("EAN13", eans[0]), ("EAN8", eans[1])}


@pytest.mark.parametrize("logo", [{"logo": 1}, {"logo_key": "L1"}])
def test_a_stored_logo_is_a_command_that_a_foreign_printer_knows_and_leaves_the_receipt_alone(
    emupos, logo
):
    """emupos has no memory for logos: it takes the command, prints nothing, and no byte of it."""
    options = {"profile": "TM-T20II", "columns": 48} | logo
    driver = EscposPrinter(
        "printer", EscposPrinter.Options(host="127.0.0.1", port=emupos.printer_port, **options)
    )
    with started(Printing(driver)) as run:
        assert run.prints({"text": "after the logo"}, {"cut": True}) == ("printed", "")
    assert receipt(emupos)[0].split("\n")[0] == "after the logo"


def test_the_drawer_opens_and_both_its_states_are_told(emupos, printing):
    assert printing.status().drawer_open is False
    printing.driver.handle(PrintJob("j", ({"kick": True},)))
    assert printing.next_of(PrinterStatus).drawer_open is True
    assert printing.next_of(PrintFinished).outcome == "printed"
    assert emupos.state("front")["drawer"] == "open"
    emupos.do("POST", "/devices/front/drawer/close")
    assert printing.next_of(PrinterStatus).drawer_open is False


def test_chinese_is_drawn_and_leaves_no_garbage(emupos, printing):
    printing.status()
    assert printing.prints({"text": "和平路便利店"}, {"text": "Café 3,50 €"}, {"cut": True})
    text, picture = receipt(emupos)
    assert "Café 3,50 €" in text
    ink = picture.convert("L").point(lambda level: 255 * (level < 128)).getbbox()
    assert ink is not None
    assert ink[3] - ink[1] > 30  # two lines' height: the drawn one and the printed one


@pytest.mark.parametrize(
    ("fault", "word"), [("paper-out", "paper_out"), ("cover-open", "cover_open")]
)
def test_a_printer_that_cannot_print_says_why_and_prints_when_it_can(emupos, printing, fault, word):
    printing.status()
    emupos.do("PUT", f"/devices/front/faults/{fault}")
    while word not in printing.next_of(PrinterStatus).problems:
        pass
    assert printing.prints({"text": "not yet"}, {"cut": True}) == ("failed", word)
    emupos.do("DELETE", f"/devices/front/faults/{fault}")
    printing.status()
    assert printing.prints({"text": f"after {fault}"}, {"cut": True}) == ("printed", "")
    assert f"after {fault}" in receipt(emupos)[0]


def test_the_end_of_the_paper_is_told_before_it_comes(emupos, printing):
    printing.status()
    emupos.do("PUT", "/devices/front/faults/paper-near-end")
    assert printing.next_of(PrinterStatus).warnings == ("paper_near_end",)
    assert printing.prints({"text": "still"}, {"cut": True}) == ("printed", "")
    emupos.do("DELETE", "/devices/front/faults/paper-near-end")
    assert printing.next_of(PrinterStatus).warnings == ()


def test_an_offline_printer_is_told_as_such(emupos, printing):
    printing.status()
    emupos.do("PUT", "/devices/front/faults/offline")
    assert "offline" in printing.next_of(PrinterStatus).problems
    emupos.do("DELETE", "/devices/front/faults/offline")
    printing.status()


# --- scales ---


@pytest.fixture(params=[("toledo-8217", "deli"), ("sma", "fruit")], ids=["8217", "SMA"])
def scale(request, emupos):
    """A running scale driver, and what puts weights on its plate."""
    model, device = request.param

    def place(grams: int, *, stable: bool = True) -> None:
        emupos.do("PUT", f"/devices/{device}/weight", grams=grams, stable=stable)

    place(0)
    with running(model, emupos.links / device) as run:
        run.until("zero")
        yield run, place
    place(0)


def test_weights_are_those_on_the_plate(scale):
    run, place = scale
    for grams in (1250, 5, 14_995):
        place(grams)
        assert run.weight().weight_g == grams
        place(0)
        run.until("zero")


def test_a_moving_plate_is_a_state_and_becomes_a_weight_when_it_rests(scale):
    run, place = scale
    place(800, stable=False)
    assert run.until(800)[:-1] == ["motion"]


def test_too_much_and_less_than_nothing_are_states(scale):
    run, place = scale
    place(15_500)
    run.until("over_capacity")
    place(0)
    run.until("zero")
    place(-100)
    run.until("under_zero")


def test_an_8217_is_probed_by_its_echo(emupos):
    found = driver_of("toledo-8217", emupos.links / "deli").probe()
    assert "8217" in found.product


# --- scanners ---


def scanned(run: Running) -> ScanData:
    event = run.event()
    assert isinstance(event, ScanData)
    assert not event.lossy
    return event


def test_labels_of_a_serial_scanner_are_read(emupos):
    cls = load("scanner", "serial")
    with started(Running(cls("scanner", cls.Options(path=str(emupos.links / "cable"))))) as run:
        for label in ("4006381333931", "96385074", "https://id.gs1.org/01/04006381333931"):
            emupos.do("POST", "/devices/cable/scans", data=label, countdown_seconds=0)
            assert scanned(run).scan_data == label.encode()


def test_labels_of_a_wedge_are_read_from_the_keys_that_it_presses(emupos, tmp_path):
    cls = load("scanner", "hid-wedge")
    output = FifoOutput(str(tmp_path / "wedge"))
    with started(Running(cls("scanner", cls.Options(path=str(tmp_path / "wedge"))))) as run:
        for label in ("4006381333931", "Az09-$/+%.*", 'q"(){}|~@#'):
            scan = emupos.do("POST", "/devices/wedge/scans", data=label, countdown_seconds=0)
            output.send([state for key in scan["keys"] for state in _reports(key)])
            done = {"outcome": "delivered", "keys_accepted": len(scan["keys"])}
            emupos.do("POST", f"/devices/wedge/scans/{scan['id']}/typed", **done)
            assert scanned(run).scan_data == label.encode()
    output.close()


def _reports(key: dict) -> list[bytes]:
    """The boot reports of one key of the plan, given by its HID usage."""
    code = KEY_OF_USAGE[key["usage"]]
    return [report(KEY_LEFTSHIFT, code) if key["shift"] else report(code), NO_KEYS]
