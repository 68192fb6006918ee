"""Uploading and getting about: what arrives, what is said, where Back leads, what an upload costs."""

import hashlib
import http.client
import re
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from vos import segment
from vos.net.engines.flow import Options
from vos.store import Store
from vos.types import Job, Prompt
from vos.video import sample
from vos.video.read import probe

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "Short.mp4"
    sample.write(path, count=3)
    return path


@pytest.fixture(scope="module")
def results(cache, clip):
    """Two small results among those of the dashboard."""
    mask = np.zeros(sample.SIZE_HW, np.uint8)
    mask[100:200, 100:300] = 1
    with Store(cache) as store:
        for frame, title in ((0, "Alpha fish"), (1, "Beta fish")):
            job = Job(
                clip=clip, engine="flow", prompts=(Prompt(frame, mask),), options=Options(), title=title
            )
            list(segment.run(job, store))


def test_a_chosen_clip_is_kept_as_it_is_and_can_be_painted(page, clip, cache):
    page.goto("/upload")
    page.locator("input[type=file]").first.set_input_files(clip)
    expect(page.locator("canvas.upper-canvas")).to_be_visible()
    digest = hashlib.sha256(clip.read_bytes()).hexdigest()
    assert (cache / "uploads" / f"{digest}.mp4").read_bytes() == clip.read_bytes()


def test_the_keyboard_reaches_the_file_chooser(page):
    choosers = []
    page.on(
        "filechooser", lambda chooser: choosers.append(chooser)
    )  # first: the browser is told to report them, without an answer
    page.goto("/upload")
    label = page.get_by_text("Choose a clip")
    expect(label).to_be_visible()
    page.locator("input[type=file]").first.focus()
    assert label.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    end = time.monotonic() + 20
    while not choosers:
        assert time.monotonic() < end
        page.wait_for_timeout(100)


def test_an_upload_that_is_cancelled_leaves_nothing_and_another_can_follow(page, cache, tmp_path):
    page.goto("/upload")
    page.route("**/api/uploads*", lambda route: time.sleep(0.5))  # never answered
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x" * 1000)
    page.locator("input[type=file]").first.set_input_files(film)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Choose a clip")).to_be_visible()
    notes = tmp_path / "notes.txt"
    notes.write_text("words")
    page.locator("input[type=file]").first.set_input_files(notes)
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is none of these: mp4")


def test_back_from_a_result_leads_to_the_gallery_as_it_was(page, results):
    page.goto("/gallery?search=beta")
    expect(page.get_by_role("link", name="Beta fish")).to_be_visible()
    expect(page.get_by_role("link", name="Alpha fish")).to_have_count(0)
    page.get_by_role("link", name="Beta fish").click()
    expect(page.get_by_text("Rendering: success")).to_be_visible()
    assert "result=" in page.url
    page.go_back()
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value("beta")
    expect(page.get_by_role("link", name="Alpha fish")).to_have_count(0)


def test_a_card_plays_under_the_pointer_and_a_phone_has_two_columns(page, results):
    page.goto("/gallery?search=fish")
    link = page.get_by_role("link", name="Beta fish")
    expect(link).to_be_visible()
    expect(link.locator("video")).to_have_count(0)
    link.hover()
    expect(link.locator("video")).to_have_count(1)
    page.wait_for_function("document.querySelector('a.card video').currentTime > 0")
    page.screenshot(path=SHOTS / "gallery_hover.png")
    page.set_viewport_size({"width": 390, "height": 844})
    boxes = [one.bounding_box() for one in page.locator("a.card").all()[:2]]
    assert boxes[0]["y"] == pytest.approx(boxes[1]["y"])
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    assert boxes[1]["x"] + boxes[1]["width"] < 390
    page.screenshot(path=SHOTS / "gallery_phone.png")


def test_an_export_is_made_on_the_page_and_saved(page, results, cache):
    page.goto("/gallery?search=beta")
    page.get_by_role("link", name="Beta fish").click()
    page.get_by_text("Export", exact=True).first.click()
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Save Beta fish_overlay.mp4")
    expect(link).to_be_visible()
    page.screenshot(path=SHOTS / "exports.png", full_page=True)
    with page.expect_download() as saved:
        link.click()
    assert saved.value.suggested_filename == "Beta fish_overlay.mp4"
    assert probe(saved.value.path()).frames == 3


def test_the_link_to_a_frame_is_copied_and_leads_there(page, results, dashboard):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/gallery?search=beta")
    page.get_by_role("link", name="Beta fish").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(dashboard + r"/video\?result=[0-9a-f]{64}&frame=0", link)
    page.goto(link.replace("frame=0", "frame=2"))
    page.locator(".player[data-drawn='2']").wait_for()


def test_a_card_has_a_menu_that_pins_names_tags_and_deletes(page, results):
    page.goto("/gallery?search=alpha")
    link = page.get_by_role("link", name="Alpha fish")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Pin", exact=True).click()
    expect(link.get_by_text("Pinned")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Title and tags").click()
    page.get_by_role("combobox", name="Tags").fill("sea life")
    page.keyboard.press("Enter")
    page.screenshot(path=SHOTS / "title_and_tags.png")
    page.keyboard.press("Tab")  # closes the list of tags
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(link.get_by_text("sea life")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.mouse.move(0, 0)  # under the pointer a card plays, and its film is gone in a moment
    page.get_by_role("menuitem", name="Delete").press("Enter")
    expect(link).to_have_count(0)
    page.get_by_text("Deleted within a day").click()
    page.screenshot(path=SHOTS / "bin.png")
    page.get_by_role("button", name="Undo").click()
    expect(link).to_be_visible()
    page.goto("/gallery?show=%23sea+life")
    expect(link.get_by_text("Pinned")).to_be_visible()
    expect(page.get_by_role("link", name="Beta fish")).to_have_count(0)


def test_what_is_picked_is_taken_along_in_one_zip(page, results):
    page.goto("/gallery?search=fish")
    for title in ("Alpha fish", "Beta fish"):
        page.locator("label", has=page.get_by_role("checkbox", name=f"Pick {title}")).click()
    expect(page.get_by_text("2 picked")).to_be_in_viewport()
    page.screenshot(path=SHOTS / "picked.png")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        tops = {name.partition("_")[0] for name in archive.namelist()}
        assert tops == {"Alpha fish", "Beta fish"}
        assert sum(name.endswith(".png") for name in archive.namelist()) == 6
    page.get_by_role("button", name="Pick none").click()
    expect(page.get_by_text("2 picked")).to_have_count(0)


def test_the_address_names_the_result_that_is_shown_and_back_is_one_step(page, results):
    page.goto("/gallery")
    page.get_by_role("link", name="Video").click()
    expect(page.get_by_text("Rendering: success")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/video\?result=[0-9a-f]{64}$"))
    page.go_back()
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()


def test_a_dead_link_says_what_is_gone_and_keeps_its_address(page, results):
    page.goto("/video?result=" + "f" * 64)
    expect(page.get_by_text("ffffffffffff is not there any more")).to_be_visible()
    expect(page.get_by_text("Rendering")).to_have_count(0)
    assert page.url.endswith("f" * 64)
    page.screenshot(path=SHOTS / "gone.png")


def _status(pid, name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs /proc")
def test_a_large_upload_costs_little_memory_while_it_arrives_and_none_after(dashboard, cache):
    pid = (cache / "server.pid").read_text()
    before = _status(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from here
    size, piece = 300 << 20, bytes(1 << 20)
    connection = http.client.HTTPConnection(urlsplit(dashboard).netloc)
    headers = {"X-VOS-Upload": "1", "Content-Length": str(size)}
    connection.request("POST", "/api/uploads?name=big.mp4", (piece for _ in range(size >> 20)), headers)
    assert connection.getresponse().status == 201
    print(f"RSS {before:.0f} MB, peak {_status(pid, 'VmHWM'):.0f} MB, after {_status(pid, 'VmRSS'):.0f} MB")
    assert _status(pid, "VmHWM") - before < 100
    assert _status(pid, "VmRSS") - before < 30
    for path in (cache / "uploads").glob("*"):
        if path.is_file() and path.stat().st_size == size:
            path.unlink()
