"""The folder of a proof: held alone, kept over an interruption, and nothing of ours left elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bot.domain.errors import ConfigProblem, StateLocked
from bot.standalone.proof_folder import open_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_what_is_kept_is_there_the_next_time_unless_it_is_to_be_done_again(tmp_path: Path, temporary: Path) -> None:
    state = tmp_path / ".bot"
    with open_folder(state, ("a", "b"), again=False) as folder:
        assert folder.kept("runs/base-1.json") is None
        folder.keep("runs/base-1.json", b"{}")
        (folder.scratch / "left").touch()
        assert list(temporary.iterdir()) == [folder.scratch]
    assert list(temporary.iterdir()) == []
    with open_folder(state, ("a", "b"), again=False) as folder:
        assert folder.kept("runs/base-1.json") == b"{}"
    with open_folder(state, ("a", "c"), again=False) as other:
        assert other.path != folder.path
        assert other.kept("runs/base-1.json") is None
    with open_folder(state, ("a", "b"), again=True) as folder:
        assert folder.kept("runs/base-1.json") is None
    assert (state / ".gitignore").is_file()


def test_one_process_at_a_time_is_at_a_proof(tmp_path: Path) -> None:
    with open_folder(tmp_path / ".bot", ("a",), again=False):
        with pytest.raises(StateLocked), open_folder(tmp_path / ".bot", ("a",), again=False):
            pass
        with open_folder(tmp_path / ".bot", ("b",), again=False):
            pass


def test_what_a_killed_process_left_goes_and_what_is_not_ours_stays(tmp_path: Path, temporary: Path) -> None:
    with open_folder(tmp_path / ".bot", ("a",), again=False) as folder:
        name = folder.scratch.name
    prefix = name[:name.rindex("-") + 1]
    (temporary / f"{prefix}killed" / "tree").mkdir(parents=True)
    (temporary / "whybot-other-x").mkdir()
    aim = tmp_path / "aim"
    aim.mkdir()
    (temporary / f"{prefix}link").symlink_to(aim)
    with open_folder(tmp_path / ".bot", ("a",), again=False):
        assert not (temporary / f"{prefix}killed").exists()
    assert {path.name for path in temporary.iterdir()} == {"whybot-other-x", f"{prefix}link"}
    assert aim.is_dir()


def test_a_state_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    with pytest.raises(ConfigProblem), open_folder(tmp_path / "mine", ("a",), again=False):
        pass
