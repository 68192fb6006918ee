"""What several test files share."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.rolling import prompt, write_disk_clip
from vos import folders
from vos.store import FILES, Store
from vos.video.masks import write_png
from vos.video.read import probe

SHARED = Path(__file__).parents[2] / "shared" / "data"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def pytest_collection_modifyitems(items):
    """Keep the tests of a file in one worker, where they share fixtures, and all that drive the browser.

    Those are one group, for one dashboard; it takes as long as all others together, and begins first.
    """
    for item in items:
        file = item.path.relative_to(Path(__file__).parent)
        item.add_marker(pytest.mark.xdist_group("browser" if file.parts[0] == "browser" else str(file)))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group").args[0] != "browser")


@pytest.fixture
def shared():
    """The folder with real data; tests that need it are skipped without."""
    if not SHARED.is_dir():
        pytest.skip(f"needs real data in {SHARED}")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test touches the user's results."""
    os.environ["VOS_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def same_cache(own_cache, monkeypatch):
    """Commands that name a cache of their own do so for one test."""
    monkeypatch.setenv("VOS_CACHE", os.environ["VOS_CACHE"])
    yield
    folders.choose(None)


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Twelve frames of a disk that rolls (tests/rolling.py)."""
    return write_disk_clip(tmp_path_factory.mktemp("clip") / "disk.mp4")


@pytest.fixture
def mask(tmp_path, clip):
    """A file with the disk's mask on the first frame."""
    path = tmp_path / "mask.png"
    write_png(path, prompt(0, probe(clip).size_hw).mask)
    return path


@pytest.fixture
def store(tmp_path):
    """A store of the test's own, sound at its end."""
    with Store(tmp_path / "cache") as opened:
        yield opened
        assert opened.check() == []


@pytest.fixture
def files(tmp_path):
    """The files of a result (tests/stored.py), each of its own name a thousand times."""
    folder = tmp_path / "made"
    folder.mkdir()
    for name in (*FILES, "source"):
        (folder / name).write_bytes(name.encode() * 1000)
    return {name: folder / name for name in (*FILES, "source")}


def _chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("VOS_BROWSER") or next(filter(None, map(shutil.which, names)), None)
    if path is None and os.environ.get("CI"):
        pytest.fail("the browser tests need Chromium; scripts/test installs it")
    return path or pytest.skip("needs Chromium; scripts/test installs it")


@pytest.fixture(scope="session")
def chromium():
    """A running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        yield browser
        browser.close()
