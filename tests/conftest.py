"""What several test files share."""

import os
from pathlib import Path

import pytest

from vos import folders

SHARED = Path(__file__).parents[2] / "shared" / "data"


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
