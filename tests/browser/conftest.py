"""A dashboard of its own and a real Chromium."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from vos.store import Store

ROOT = Path(__file__).parents[2]
SHOTS = Path(__file__).parent / "screenshots"
expect.set_options(timeout=20_000)  # machines are busy


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember whether a test passed: of one that did not, there is a picture."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The folder of the dashboard's results."""
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture(scope="session")
def store(cache):
    """The results of the dashboard, from another process than its own."""
    with Store(cache) as opened:
        yield opened


@pytest.fixture(scope="session")
def dashboard(cache):
    """The address of a running dashboard."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    log = (cache / "server.log").open("w")
    env = os.environ | {"VOS_CACHE": str(cache)}
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
    (cache / "server.pid").write_text(str(server.pid))
    url = f"http://localhost:{port}"
    try:
        _wait_for(url + "/api/health", server, log)
        yield url
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def _wait_for(url, server, log):
    for _ in range(240):
        assert server.poll() is None, Path(log.name).read_text()
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"no answer from {url}: {Path(log.name).read_text()}")


def _is_error(message):
    """Say whether a console message is an error of ours.

    On a page's own address Streamlit first asks for /PAGE/_stcore/health, to find out where it is mounted.
    """
    return message.type == "error" and "/_stcore/" not in message.location.get("url", "")


@pytest.fixture(scope="session")
def context(chromium, dashboard):
    """What the tabs of all tests share, as a person's do: what is loaded once is in the cache."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, base_url=dashboard)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context, request):
    """A fresh tab at 1400x900 on the dashboard; console errors fail the test."""
    page = context.new_page()
    errors = []
    page.on(
        "console",
        lambda message: errors.append(f"{message.text} {message.location}") if _is_error(message) else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    SHOTS.mkdir(exist_ok=True)
    yield page
    if not request.node.stash.get(PASSED, False):
        page.screenshot(path=SHOTS / (re.sub(r"\W+", "_", request.node.name) + ".png"))
    page.close()
    assert not errors
