"""The main job as a person does it: upload, click, track, play, trajectory, gallery, cache."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from vos.video import sample

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "My holiday clip.mp4"
    sample.write(path, count=10)
    return path


def settle(page):
    """Wait until the page has done what it was asked, as a person does before the next stroke."""
    page.wait_for_timeout(500)
    state = "document.querySelector('[data-testid=stApp]').dataset.testScriptState"
    page.wait_for_function(f"{state} === 'notRunning'")
    page.wait_for_timeout(500)


def upload(page, clip):
    page.goto("/upload")
    page.locator("input[type=file]").first.set_input_files(clip)
    expect(page.locator("canvas.upper-canvas")).to_be_visible()
    settle(page)


TRACK = re.compile("Track object")


def click_on_the_object(page):
    """Click on the middle of the target and wait until its area is told."""
    rows, columns = sample.prompt().nonzero()
    box = page.locator("canvas.upper-canvas").bounding_box()
    scale = box["width"] / sample.SIZE_HW[1]
    page.mouse.click(box["x"] + columns.mean() * scale, box["y"] + rows.mean() * scale)
    expect(page.locator(".area").first).to_have_text(re.compile(r"[\d,]+ px"))


def test_the_whole_path_from_upload_to_a_cache_hit(page, clip):
    upload(page, clip)
    expect(page.get_by_role("button", name=TRACK)).to_be_disabled()
    click_on_the_object(page)
    page.screenshot(path=SHOTS / "upload_clicked.png")
    inside = (
        "e => { const box = e.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight }"
    )
    for place in (".st-key-tools", ".st-key-canvas", ".st-key-under", ".st-key-bar", ".objects"):
        assert page.locator(place).evaluate(inside), f"{place} is not in sight at 1400x900"
    page.get_by_role("button", name="More").click()
    expect(page.get_by_label("Short side", exact=True)).to_have_value("384")
    page.keyboard.press("Escape")
    settle(page)
    draft = re.search("draft=([^&]+)", page.url)[1]
    page.get_by_role("button", name=TRACK).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.screenshot(path=SHOTS / "upload_running.png")
    expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)
    assert "result=" in page.url

    player = page.locator(".player[data-drawn]")
    player.locator(".bar").focus()
    page.keyboard.press("Space")
    expect(player).not_to_have_attribute("data-frame", "0")
    page.screenshot(path=SHOTS / "video.png", full_page=True)

    page.get_by_role("button", name="3D trajectory").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)  # WebGL without a card
    expect(page.locator(".legendtext").first).to_have_text("Object 1: midpoint")
    page.screenshot(path=SHOTS / "trajectory.png", full_page=True)

    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_role("link", name="My holiday clip").first).to_be_visible()
    page.screenshot(path=SHOTS / "gallery.png")
    page.get_by_role("link", name="My holiday clip").first.click()
    expect(page.get_by_text("Rendering: success")).to_be_visible()

    page.goto(f"/upload?draft={draft}")
    page.get_by_role("button", name=TRACK).click()
    expect(page.get_by_text("From cache")).to_be_visible()


def test_the_sample_starts_with_one_click_survives_a_reload_and_can_be_cancelled(page):
    page.goto("/")
    page.get_by_role("button", name="Try the sample").click()
    expect(page.get_by_text(re.compile("frame [1-9]"))).to_be_visible(timeout=60_000)
    page.reload()
    expect(page.get_by_text(re.compile("frame [1-9]"))).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    started = time.monotonic()
    expect(page.get_by_text("The job was cancelled")).to_be_visible()
    assert time.monotonic() - started < 10
    expect(page.get_by_role("button", name=TRACK)).to_be_enabled()


def test_without_a_mask_the_object_is_found_and_its_mask_prompts_another_engine(page, clip):
    upload(page, clip)
    page.get_by_role("radio", name="Find it for me").click()
    expect(page.locator("canvas.upper-canvas")).to_have_count(0)
    expect(page.get_by_text("Nothing to point at")).to_be_visible()
    page.screenshot(path=SHOTS / "upload_no_mask.png")
    page.get_by_role("button", name=TRACK).click()
    expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)
    expect(page.get_by_role("img", name="Heat maps of attention")).to_be_visible()
    page.screenshot(path=SHOTS / "video_attention.png", full_page=True)

    page.get_by_role("button", name="Correct this frame").click()
    expect(page.locator("canvas.upper-canvas")).to_be_visible()
    area = page.locator(".area").first
    expect(area).to_have_text(re.compile(r"[\d,]+ px"))
    settle(page)
    page.screenshot(path=SHOTS / "upload_from_result.png")
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("combobox", name="Engine")).to_have_value("Memory network")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=TRACK).click()
    expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)


def test_a_file_that_is_no_video_gets_one_sentence(page, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("these are words")
    page.goto("/upload")
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_role("alert")).to_contain_text("notes.mp4")


@pytest.mark.parametrize("name", ["", "upload", "video", "trajectory", "gallery", "compare"])
def test_every_page_fits_its_window(page, name):
    page.goto(f"/{name}")
    expect(page.get_by_role("heading").first).to_be_visible()
    settle(page)
    for width, height in ((1400, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(300)
            page.screenshot(path=SHOTS / f"{name or 'home'}_{width}_{theme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
