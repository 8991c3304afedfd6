"""The reserve on the disk: laid down where there is room for it, given up once."""

from __future__ import annotations

from types import SimpleNamespace

from agent.ballast import Ballast

SIZE = 1024 * 1024


def test_it_takes_real_blocks_and_gives_them_back(tmp_path):
    ballast = Ballast(tmp_path / "lane" / "ballast", SIZE)
    assert ballast.hold()
    assert ballast.is_held
    assert ballast.path.stat().st_blocks * 512 >= SIZE

    assert ballast.give_up()
    assert not ballast.is_held
    assert not ballast.give_up()


def test_a_second_start_finds_it_there(tmp_path):
    assert Ballast(tmp_path / "ballast", SIZE).hold()
    made_at = (tmp_path / "ballast").stat().st_ctime_ns
    assert Ballast(tmp_path / "ballast", SIZE).hold()
    assert (tmp_path / "ballast").stat().st_ctime_ns == made_at


def test_it_leaves_most_of_what_is_free_to_others(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(
        "agent.ballast.os.statvfs", lambda _: SimpleNamespace(f_bavail=3, f_frsize=SIZE)
    )
    ballast = Ballast(tmp_path / "ballast", SIZE)
    assert not ballast.hold()
    assert not ballast.is_held
    assert "no reserve of 1 MB could be set aside: No space left" in caplog.text


def test_a_folder_that_cannot_be_written_is_said_and_no_more(tmp_path, caplog):
    (tmp_path / "lane").write_text("not a folder")
    assert not Ballast(tmp_path / "lane" / "ballast", SIZE).hold()
    assert "no reserve" in caplog.text


def test_it_is_kept_where_there_is_room_and_where_nobody_can_tell(tmp_path, monkeypatch):
    ballast = Ballast(tmp_path / "ballast", SIZE)
    assert ballast.hold()
    assert not ballast.give_up_if_full()
    assert ballast.is_held
    assert not Ballast(tmp_path / "gone" / "ballast", SIZE).give_up_if_full()

    monkeypatch.setattr(
        "agent.ballast.os.statvfs", lambda _: SimpleNamespace(f_bavail=3, f_frsize=4096)
    )
    assert ballast.give_up_if_full()
    assert not ballast.is_held
