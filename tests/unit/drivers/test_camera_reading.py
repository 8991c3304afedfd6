"""What is read in pictures: drawn, by other people's writers, and photographed."""

import io
import random
from pathlib import Path

import barcode
import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from barcode.writer import ImageWriter
from PIL import Image
from pyzbar import pyzbar

from drivers.camera import decoders
from drivers.camera.decoders import LabelDecoder, Sighting, counted
from drivers.camera.reading import STILL_LOOKS, LabelReader, StillScene
from drivers.camera.sim import VIEWS, View, check_digit, label, looks, random_gtin

PHOTO = Path("/usr/share/doc/opencv-doc/opencv4/html/4_barcodes.jpg")
MS = 1_000_000


@pytest.fixture(scope="module")
def decoder():
    return LabelDecoder()


def read(decoder, frame) -> dict[bytes, str]:
    return {s.scan_data: s.symbology for s in decoder.read(frame)}


def one_look(paper, view=None, seed=1, size=(1280, 720)):
    return looks([paper], view or View(), 1, random.Random(seed), size)[0]


@pytest.mark.parametrize(
    ("content", "symbology", "data", "aim"),
    [
        ("4006381333931", "EAN13", b"4006381333931", "]E0"),
        ("0012345678905", "EAN13", b"0012345678905", "]E0"),
        ("012345678905", "UPCA", b"0012345678905", "]E0"),
        ("96385074", "EAN8", b"96385074", "]E4"),
        ("(01)09501101530003(10)A1(21)7", "Code128", b"010950110153000310A1\x1d217", "]C1"),
        ("LANE-7", "Code128", b"LANE-7", "]C0"),
        ("09501101530003", "DataBarOmni", b"0109501101530003", "]e0"),
        ("(01)09501101530003(10)A1", "DataBarExp", b"010950110153000310A1", "]e0"),
        ("(01)09501101530003(10)A1(21)7", "DataMatrix", b"010950110153000310A1\x1d217", "]d2"),
        ("https://id.gs1.org/01/09501101530003", "QRCode", None, "]Q1"),
    ],
)
def test_labels_are_read_as_a_scanner_would_send_them(decoder, content, symbology, data, aim):
    seen = read(decoder, one_look(label(content, symbology, 4)))
    assert seen == {data or content.encode(): aim}


@pytest.mark.parametrize("name", VIEWS)
def test_labels_are_read_in_every_view(decoder, name):
    dice = random.Random(name)
    for digits in (13, 13, 8, 12):
        gtin = random_gtin(digits, dice)
        paper = label(gtin, {13: "EAN13", 12: "UPCA", 8: "EAN8"}[digits])
        frames = looks([paper], VIEWS[name], 4, dice)
        assert told(frames) == [gtin.zfill(13) if digits == 12 else gtin]


def told(frames, every_ms=100) -> list[str]:
    reader = LabelReader(2, 1500 * MS)
    return [
        agreed.scan_data.decode()
        for n, frame in enumerate(frames)
        for agreed in reader.step(frame, n * every_ms * MS)
    ]


def test_a_small_label_out_of_focus_is_told_where_zbar_alone_is_blind():
    dice = random.Random(8)
    gtin = random_gtin(13, dice)
    frames = looks([label(gtin, module_px=2)], VIEWS["blurred"], 6, dice)
    assert not any(pyzbar.decode(frame, symbols=[pyzbar.ZBarSymbol.EAN13]) for frame in frames)
    assert told(frames) == [gtin]


def test_several_labels_in_one_picture_are_all_told():
    dice = random.Random(4)
    gtins = [random_gtin(13, dice) for _ in range(3)]
    frames = looks([label(g) for g in gtins], View(angle_deg=20), 4, dice)
    assert sorted(told(frames)) == sorted(gtins)


def test_a_phantom_upc_e_is_not_read(decoder):
    dice = random.Random(33)
    gtin = random_gtin(13, dice)
    [frame] = looks([label(gtin, module_px=2)], View(angle_deg=45), 1, dice, (640, 480))
    phantoms = {b.text for b in zxingcpp.read_barcodes(frame)} - {gtin}
    assert phantoms  # a library left to itself sees what is not there
    assert set(read(decoder, frame)) <= {gtin.encode()}


def by_zbar(_, frame):
    return list(decoders._zbar(frame))


def by_zxing(_, frame):
    return list(decoders._zxing(frame, decoders._ALL))


def by_opencv(decoder, frame):
    _, corners = decoder._detector.detectMulti(frame)
    return list(decoder._opencv(frame, [np.asarray(c, np.float32) for c in corners]))


@pytest.mark.parametrize("by", [by_zbar, by_zxing, by_opencv])
def test_each_library_gives_a_upc_a_label_its_leading_zero_back(decoder, by):
    frame = one_look(label("036000291452", "UPCA"))
    assert {(s.scan_data, s.symbology) for s in by(decoder, frame)} == {(b"0036000291452", "]E0")}


def test_a_upc_e_label_is_never_told_though_each_library_could(decoder):
    paper = label("01234565", "UPCE", 4)
    frame = one_look(paper)
    [by_zxing_alone] = zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormat.UPCE)
    [by_zbar_alone] = pyzbar.decode(frame, symbols=[pyzbar.ZBarSymbol.UPCE])
    assert by_zxing_alone.text == "0012345000065"
    assert by_zbar_alone.data == b"01234565"
    assert by_zbar(decoder, frame) == by_zxing(decoder, frame) == []
    assert told(looks([paper], View(), 10, random.Random(65))) == []


def test_no_label_is_seen_where_there_is_none(decoder):
    dice = random.Random(6)
    for _ in range(5):
        assert read(decoder, looks([], View(noise=8), 1, dice)[0]) == {}
    noise = np.random.default_rng(1).integers(0, 256, (480, 640)).astype(np.uint8)
    assert read(decoder, noise) == {}


def test_a_picture_of_any_shape_is_taken(decoder):
    for shape in ((1, 1), (3, 900), (200, 8), (480, 640)):
        assert read(decoder, np.zeros(shape, np.uint8)) == {}


# --- labels drawn by others ---


def on_desk(drawn: Image.Image):
    paper = np.array(drawn.convert("L"))
    return one_look(paper)


def test_labels_of_python_barcode_are_read(decoder):
    for kind, content in (
        ("ean13", "4006381333931"),
        ("ean8", "96385074"),
        ("upca", "012345678905"),
    ):
        drawn = io.BytesIO()
        barcode.get(kind, content, writer=ImageWriter()).write(
            drawn, {"write_text": False, "module_height": 15, "dpi": 200}
        )
        seen = read(decoder, on_desk(Image.open(drawn)))
        assert list(seen) == [content.encode().rjust(13 if kind != "ean8" else 8, b"0")]


def test_qr_codes_of_segno_are_read(decoder):
    drawn = io.BytesIO()
    segno.make("https://example.com/01/09501101530003?17=271231", error="m").save(
        drawn, kind="png", scale=5
    )
    seen = read(decoder, on_desk(Image.open(drawn)))
    assert seen == {b"https://example.com/01/09501101530003?17=271231": "]Q1"}


@pytest.mark.skipif(not PHOTO.exists(), reason="needs Debian's opencv-doc: 4_barcodes.jpg")
def test_all_four_labels_of_a_photograph_are_read(decoder):
    photo = cv2.imread(str(PHOTO), cv2.IMREAD_GRAYSCALE)
    seen = read(decoder, photo)
    assert len(seen) == 4
    for data in seen:
        digits = data.decode()
        assert check_digit(digits[:-1]) == digits[-1]


# --- votes ---


def test_looks_that_agree_are_one_sighting_with_their_votes():
    a, b = Sighting(b"1", "]E0", 10, 10, 5), Sighting(b"2", "]E0", 90, 90, 5)
    assert counted([b, a, a]) == [Sighting(b"1", "]E0", 10, 10, 5, votes=2), b]


# --- still scenes ---


class CountingDecoder:
    def __init__(self):
        self.looks = 0

    def read(self, grey):
        self.looks += 1
        return [Sighting(b"4006381333931", "]E0", 10, 10, 5)]


def test_a_still_scene_is_hardly_looked_at_and_keeps_its_label():
    decoder = CountingDecoder()
    reader = LabelReader(2, 1500 * MS, decoder)
    frames = looks([label("4006381333931")], View(), 1, random.Random(1)) * 100
    assert sum(len(reader.step(frame, n * 100 * MS)) for n, frame in enumerate(frames)) == 1
    assert decoder.looks <= STILL_LOOKS + 1 + 10


def test_what_moves_is_looked_at():
    decoder = CountingDecoder()
    reader = LabelReader(2, 1500 * MS, decoder)
    dice = random.Random(1)
    for n in range(20):
        reader.step(looks([], View(), 1, dice, (320, 240))[0], n * 100 * MS)
    assert decoder.looks == 20


def test_noise_is_no_motion_but_another_size_is():
    scene = StillScene()
    dice = random.Random(2)
    frames = [looks([], View(noise=4), 1, random.Random(9))[0] for _ in range(2)]
    assert scene.moved(frames[0])
    assert not scene.moved(
        np.clip(frames[1].astype(int) + dice.randrange(-3, 4), 0, 255).astype("u1")
    )
    assert scene.moved(frames[0][:300])


def test_a_colour_picture_is_read_like_a_grey_one():
    frame = one_look(label("4006381333931"))
    colour = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    assert told([colour, frame]) == ["4006381333931"]
