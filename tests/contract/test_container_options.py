"""The command line that engines are given, held to what docker's own help says of `run` (28.2)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.adapters.sandboxes import ContainerSandbox
from bot.adapters.sandboxes.container import _ImageConfig
from bot.domain.config import Limits
from bot.domain.errors import SandboxProblem
from bot.ports import Command

WITH_VALUE = frozenset((
    "--add-host", "--annotation", "--attach", "--blkio-weight", "--blkio-weight-device", "--cap-add", "--cap-drop",
    "--cgroup-parent", "--cgroupns", "--cidfile", "--cpu-count", "--cpu-percent", "--cpu-period", "--cpu-quota",
    "--cpu-rt-period", "--cpu-rt-runtime", "--cpu-shares", "--cpus", "--cpuset-cpus", "--cpuset-mems",
    "--detach-keys", "--device", "--device-cgroup-rule", "--device-read-bps", "--device-read-iops",
    "--device-write-bps", "--device-write-iops", "--dns", "--dns-option", "--dns-search", "--domainname",
    "--entrypoint", "--env", "--env-file", "--expose", "--gpus", "--group-add", "--health-cmd", "--health-interval",
    "--health-retries", "--health-start-interval", "--health-start-period", "--health-timeout", "--hostname",
    "--io-maxbandwidth", "--io-maxiops", "--ip", "--ip6", "--ipc", "--isolation", "--kernel-memory", "--label",
    "--label-file", "--link", "--link-local-ip", "--log-driver", "--log-opt", "--mac-address", "--memory",
    "--memory-reservation", "--memory-swap", "--memory-swappiness", "--mount", "--name", "--network",
    "--network-alias", "--oom-score-adj", "--pid", "--pids-limit", "--platform", "--publish", "--pull", "--restart",
    "--runtime", "--security-opt", "--shm-size", "--stop-signal", "--stop-timeout", "--storage-opt", "--sysctl",
    "--tmpfs", "--ulimit", "--user", "--userns", "--uts", "--volume", "--volume-driver", "--volumes-from",
    "--workdir",
))
FLAGS = frozenset((
    "--detach", "--disable-content-trust", "--help", "--init", "--interactive", "--no-healthcheck",
    "--oom-kill-disable", "--privileged", "--publish-all", "--quiet", "--read-only", "--rm", "--sig-proxy", "--tty",
    "--use-api-socket",
))
ONLY_PODMAN = {"--read-only-tmpfs=false", "--http-proxy=false"}


def parsed(arguments: list[str]) -> list[tuple[str, str]]:
    """The options and their values. An option that is not documented is an error."""
    assert arguments[0] == "run"
    found, rest = [], arguments[1:]
    while rest:
        option = rest.pop(0)
        if option in WITH_VALUE:
            found.append((option, rest.pop(0)))
        else:
            assert option in FLAGS, option
            found.append((option, ""))
    return found


def options(engine: str, folder: Path, *, network: bool = False, volumes: tuple[str, ...] = (),
            read_only: tuple[Path, ...] = ()) -> list[tuple[str, str]]:
    box = ContainerSandbox("image:1", engine, {})
    box._as_whom = ("--user", "1000:1000")
    command = Command(argv=("true",), folder=folder, network=network, read_only=read_only,
                      limits=Limits(processes=10, memory_bytes=100_000_000, disk_bytes=1_000_000))
    arguments = list(box._arguments(command, _ImageConfig(volumes=volumes), "whybot-x"))
    if engine == "/usr/bin/podman":
        assert set(arguments) >= ONLY_PODMAN
        arguments = [each for each in arguments if each not in ONLY_PODMAN]
    return parsed(arguments)


@pytest.mark.parametrize("engine", ["/usr/bin/docker", "/usr/bin/podman"])
def test_every_wall_is_asked_for(engine: str, tmp_path: Path) -> None:
    found = options(engine, tmp_path, read_only=(Path("/usr"), Path("/")))
    for wall in (("--network", "none"), ("--read-only", ""), ("--cap-drop", "ALL"), ("--pull", "never"),
                 ("--security-opt", "no-new-privileges"), ("--log-driver", "none"), ("--init", ""),
                 ("--user", "1000:1000"), ("--pids-limit", "336"), ("--memory", "116000000"),
                 ("--memory-swap", "116000000"), ("--ulimit", "fsize=17000000:17000000"), ("--ulimit", "core=0:0"),
                 ("--shm-size", "17000000"), ("--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777,size=17000000"),
                 ("--ipc", "private"), ("--name", "whybot-x"), ("--entrypoint", "")):
        assert wall in found, wall
    forbidden = {"--privileged", "--cap-add", "--device", "--volume", "--pid", "--env", "--use-api-socket", "--uts",
                 "--oom-kill-disable", "--volumes-from", "--publish"}
    assert not forbidden & {name for name, _ in found}
    writable = [value for name, value in found if name == "--mount" and not value.endswith(",readonly")]
    assert writable == [f"type=bind,source={tmp_path},target={tmp_path}"]
    # The system's folders are the image's own.
    assert not {"source=/,", "source=/usr,"} & {value.partition("target")[0].removeprefix("type=bind,")
                                               for name, value in found if name == "--mount"}


def test_a_network_only_when_asked(tmp_path: Path) -> None:
    assert ("--network", "none") in options("docker", tmp_path)
    assert not [name for name, _ in options("docker", tmp_path, network=True) if name == "--network"]


def test_volumes_of_the_image_are_closed(tmp_path: Path) -> None:
    found = options("docker", tmp_path, volumes=("/data",))
    assert ("--tmpfs", "/data:ro,nosuid,nodev,size=4096") in found


@pytest.mark.parametrize("name", ["a,readonly=false", 'a"b', "a\nb"], ids=["comma", "quote", "line"])
def test_a_folder_whose_name_would_be_an_option(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SandboxProblem, match="cannot be given"):
        options("docker", tmp_path / name)


def test_the_client_gets_no_secret() -> None:
    box = ContainerSandbox("image", "docker", {**os.environ, "GITHUB_TOKEN": "x", "HTTPS_PROXY": "y",
                                               "DOCKER_HOST": "unix:///z"})
    assert box.client_env["DOCKER_HOST"] == "unix:///z"
    assert not {"GITHUB_TOKEN", "HTTPS_PROXY"} & set(box.client_env)
