"""The steps of the Dockerfile, run in a folder without Docker or a network; Python and pip are stand-ins."""

import fnmatch
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("streamlit_app.py", "pages/_shell.py", ".streamlit/config.toml", "vos/cli.py", "scripts/run")
PYTHON = """#!/bin/sh
case "$*" in
    "--version") echo Python 3.13 ;;
    "-m venv .venv")
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python
        cp "$(dirname "$0")/streamlit" .venv/bin/ ;;
    *"-m pip install"*) echo "$*" >>installed ;;
esac
"""
STREAMLIT = '#!/bin/sh\necho "$*" >started\n'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the image is a Linux one")


def ignored(path: str) -> bool:
    """Say whether .dockerignore leaves a path out, or a folder that it lies in."""
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for pattern in (ROOT / ".dockerignore").read_text().split():
        if pattern.startswith("**/"):
            if any(fnmatch.fnmatch(part, pattern[3:]) for part in parts):
                return True
        elif any(fnmatch.fnmatch(name, pattern) and name.count("/") == pattern.count("/") for name in above):
            return True
    return False


@pytest.fixture
def context(tmp_path):
    """The files of a checkout as `docker build` sees them, beside what it must not see."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split("\n")
    if not any(listed):
        pytest.skip("git does not know this folder")
    folder = tmp_path / "context"
    for path in [path for path in listed if path and (ROOT / path).exists() and not ignored(path)]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(ROOT / path)
    return folder


def copy(words: list[str], context: Path, app: Path) -> None:
    *sources, target = [word for word in words if not word.startswith("--")]
    for source in sources:
        if (context / source).is_dir():
            shutil.copytree(context / source, app / target, dirs_exist_ok=True)
        else:
            (app / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(context / source, app / target)


def build(context: Path, app: Path, environment: dict[str, str]) -> list[str]:
    """Carry out the Dockerfile's steps and return its command."""
    command: list[str] = []
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        step, _, rest = line.partition(" ")
        if step == "COPY":
            copy(rest.split(), context, app)
        elif step == "RUN":
            subprocess.run(["sh", "-ec", rest], cwd=app, env=environment, check=True, capture_output=True)
        elif step == "CMD":
            command = json.loads(rest)
        else:
            assert step in ("#", "FROM", "WORKDIR", "USER", "EXPOSE", ""), line
    return command


def test_the_steps_make_an_image_that_starts_without_installing_anything_again(context, tmp_path):
    stubs, app = tmp_path / "stubs", tmp_path / "app"
    stubs.mkdir()
    app.mkdir()
    scripts = {"python3.13": PYTHON, "streamlit": STREAMLIT, "useradd": "#!/bin/sh\n", "chown": "#!/bin/sh\n"}
    for name, script in scripts.items():
        (stubs / name).write_text(script)
        (stubs / name).chmod(0o755)
    environment = {"PATH": f"{stubs}:/usr/bin:/bin", "HOME": str(tmp_path)}
    command = build(context, app, environment)
    installed = (app / "installed").read_text()
    assert "-r requirements.txt" in installed
    assert "torch==" in installed
    subprocess.run(command, cwd=app, env=environment, check=True, capture_output=True)
    assert (app / "installed").read_text() == installed
    started = (app / "started").read_text()
    assert started.startswith("run streamlit_app.py --server.address 0.0.0.0 ")
    assert all((app / name).is_file() for name in NEEDED)
    assert (app / "cache").is_dir()


def test_what_is_private_large_or_of_this_machine_stays_out_of_the_image():
    out = (
        ".git/config",
        ".venv/bin/python",
        ".venv-exports/x",
        "cache/index.db",
        "cache/.gitkeep",
        "tests/conftest.py",
    )
    out += (".mypy_cache/x", "vos/__pycache__/cli.pyc", "vos/net/__pycache__/device.pyc", "run.log")
    assert all(map(ignored, out))
    kept = (*NEEDED, "weights/memory.safetensors", "requirements.txt", "scripts/setup", "vos/plain_cache.py")
    assert not any(map(ignored, kept))
    assert os.access(ROOT / "scripts/setup", os.X_OK)
