from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bot.config import load_config

ROOT = Path(__file__).parents[2]
RESOLVE = (
    "import json, bot\nfrom bot.resources import resource_folder\n"
    "found = [str(resource_folder(name)) for name in ('prompts', 'workflows')]\n"
    "print(json.dumps([bot.__file__, *found]))"
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, unpacked as an installation would."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "-w", str(folder), str(ROOT)],
        capture_output=True, text=True, check=False, timeout=120, cwd=folder,
        env={"PATH": os.environ["PATH"], "PIP_DISABLE_PIP_VERSION_CHECK": "1", "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("whybot-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def resolved(cwd: Path, pythonpath: Path | None) -> tuple[Path, Path, Path]:
    """Where another process, elsewhere, finds the package, the prompts and the workflows."""
    env = {"PATH": os.environ["PATH"]} | ({"PYTHONPATH": str(pythonpath)} if pythonpath else {})
    done = subprocess.run([sys.executable, "-c", RESOLVE], cwd=cwd, env=env, capture_output=True, text=True, check=True)
    package, prompts, workflows = (Path(item) for item in json.loads(done.stdout))
    return package, prompts, workflows


def names(folder: Path, pattern: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob(pattern)
            if path.is_file() and "__pycache__" not in path.parts}


def test_the_resolver_finds_both_folders_from_a_wheel(unpacked: Path, tmp_path: Path) -> None:
    package, prompts, workflows = resolved(tmp_path, unpacked)
    assert package == unpacked / "bot" / "__init__.py"
    assert (prompts, workflows) == (unpacked / "bot" / "_prompts", unpacked / "bot" / "_workflows")
    assert names(prompts, "*") == names(ROOT / "prompts", "*") != set()
    assert names(workflows, "*") == names(ROOT / "workflows", "*") != set()


def test_the_resolver_finds_both_folders_from_an_editable_installation(tmp_path: Path) -> None:
    package, prompts, workflows = resolved(tmp_path, None)
    if package != ROOT / "bot" / "__init__.py":
        pytest.skip("this environment does not hold an editable installation")
    assert (prompts, workflows) == (ROOT / "prompts", ROOT / "workflows")


def test_the_resolver_finds_both_folders_from_a_clone(tmp_path: Path) -> None:
    _, prompts, workflows = resolved(tmp_path, ROOT)
    assert (prompts, workflows) == (ROOT / "prompts", ROOT / "workflows")


@pytest.mark.parametrize("folder", [
    "reports/templates", "reports/site", "demo/script", "demo/service", "github_workflows",
])
def test_a_wheel_holds_the_files_that_are_no_modules(unpacked: Path, folder: str) -> None:
    assert names(unpacked / "bot" / folder, "*") == names(ROOT / "bot" / folder, "*") != set()


@pytest.mark.parametrize("path", ["bot/template.toml", "bot/demo/logs.ndjson.gz", "bot/probe/whybot_probe.py"])
def test_a_wheel_holds_a_file(unpacked: Path, path: str) -> None:
    assert (unpacked / path).read_bytes() == (ROOT / path).read_bytes()


def test_a_wheel_brings_the_command_and_no_tests(unpacked: Path) -> None:
    (entry_points,) = unpacked.glob("whybot-*.dist-info/entry_points.txt")
    assert "bot = bot.cli:main" in entry_points.read_text()
    assert {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")} == {"bot"}


def test_the_template_s_policy_is_the_default_one(tmp_path: Path) -> None:
    text = (ROOT / "bot" / "template.toml").read_text()
    path = tmp_path / "bot.toml"
    path.write_text(re.sub(r"^# (labels|forbidden_paths) = ", r"\1 = ", text, flags=re.MULTILINE))
    assert path.read_text() != text
    assert load_config(path).policy == load_config(None).policy
    # What `pip install -e .` installs is the checkout and never the copy under test.
    assert load_config(path).target["SERVICE"].pythonpath == ("src",)
