"""The main job as a person does it: upload, paint, run, play, trajectory, gallery, cache."""

import re
import time
from fractions import Fraction

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from vos.video import sample
from vos.video.masks import write_png
from vos.video.write import VideoWriter

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "My holiday clip.mp4"
    sample.write(path, count=24)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """A clip whose job lasts long enough for a person to reload the page and cancel it."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    pictures = [frame for frame, _ in sample.frames(20)]
    with VideoWriter(path, sample.SIZE_HW, fps=Fraction(30)) as film:
        for index in range(900):
            film.add(pictures[index % 20], index * 3000)
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


def paint(page, step=8):
    """Paint over the target with the mouse, from every few rows of its exact mask."""
    mask = sample.prompt()
    canvas = page.locator("canvas.upper-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / mask.shape[1]
    rows = [row for row in range(0, mask.shape[0], step) if mask[row].any()]
    first = True
    for row in rows:
        columns = mask[row].nonzero()[0]
        for column in (columns.min(), columns.max()):
            x, y = box["x"] + column * scale, box["y"] + row * scale
            if first:
                page.mouse.move(x, y)
                page.mouse.down()
                first = False
            else:
                page.mouse.move(x, y, steps=3)
    page.mouse.up()


def test_the_whole_path_from_upload_to_a_cache_hit(page, clip):
    upload(page, clip)
    expect(page.get_by_role("button", name="Run (paint the object first)")).to_be_disabled()
    paint(page)
    expect(page.get_by_text("exactly as it will be used: Object 1")).to_be_visible()
    page.screenshot(path=SHOTS / "upload_painted.png", full_page=True)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.screenshot(path=SHOTS / "upload_running.png")
    expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)
    assert "result=" in page.url

    video = page.locator("video")
    video.evaluate("v => { v.muted = true; return v.play(); }")
    page.wait_for_function("document.querySelector('video').currentTime > 0.3")
    assert video.evaluate("v => [v.videoWidth, v.videoHeight]") == [854, 480]
    page.screenshot(path=SHOTS / "video.png", full_page=True)

    page.get_by_role("button", name="3D trajectory").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.locator(".legendtext").first).to_have_text("Object 1: midpoint")
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / "trajectory.png", full_page=True)

    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_text("My holiday clip")).to_be_visible()
    page.screenshot(path=SHOTS / "gallery.png")
    page.get_by_role("link", name="My holiday clip").first.click()
    expect(page.get_by_text("Rendering: success")).to_be_visible()


def test_the_same_request_again_is_a_cache_hit(page):
    for attempt in range(2):
        page.goto("/")
        page.get_by_role("button", name="Try the sample").click()
        expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)
        if attempt:
            expect(page.get_by_text("From cache")).to_be_visible()


def test_a_drawing_survives_tool_change_page_switch_and_reload(page, clip):
    upload(page, clip)
    paint(page)
    area = page.get_by_text("exactly as it will be used: Object 1")
    expect(area).to_be_visible()
    before = area.inner_text()
    page.get_by_role("radio", name="Polygon").click()
    expect(area).to_have_text(before)
    page.get_by_role("link", name="Gallery").click()
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()
    page.get_by_role("link", name="Upload").click()
    expect(area).to_have_text(before)
    page.reload()
    expect(area).to_have_text(before)


def test_the_eraser_takes_paint_away(page, clip):
    upload(page, clip)
    paint(page)
    area = page.get_by_text("exactly as it will be used: Object 1")
    expect(area).to_be_visible()
    pixels = int(re.search(r"([\d,]+) px", area.inner_text())[1].replace(",", ""))
    page.get_by_role("radio", name="Eraser").click()
    settle(page)
    paint(page)
    expect(page.get_by_text("exactly as it will be used")).not_to_contain_text(f"{pixels:,} px")
    page.screenshot(path=SHOTS / "erased.png")


def test_objects_keep_their_paint_when_another_is_added_and_a_mask_file_prompts_another_frame(
    page, clip, tmp_path
):
    upload(page, clip)
    paint(page)
    caption = page.get_by_text("exactly as it will be used")
    expect(caption).to_contain_text("Object 1")
    settle(page)
    page.get_by_role("button", name="Add object").click()
    settle(page)
    page.get_by_role("radio", name="Rectangle").click()
    settle(page)
    box = page.locator("canvas.upper-canvas").bounding_box()
    page.mouse.move(box["x"] + 500, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 90, steps=4)
    page.mouse.up()
    expect(caption).to_contain_text(re.compile("Object 1 .* Object 2 "))
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("Frame 1, exactly as it will be used: nothing")
    small = tmp_path / "mask.png"
    write_png(small, sample.prompt()[::2, ::2].copy())
    settle(page)
    page.get_by_text("Use a mask file").click()
    settle(page)
    page.locator("input[type=file]").last.set_input_files(small)
    expect(caption).to_contain_text("Frame 1, exactly as it will be used: Object 1")
    expect(page.get_by_text("resized to 854x480")).to_be_visible()
    expect(page.get_by_text("Painted: 0, 1")).to_be_visible()


def test_a_job_can_be_cancelled_and_survives_a_reload(page, long_clip):
    upload(page, long_clip)
    paint(page)
    page.get_by_role("button", name=re.compile("^Run$")).click()
    expect(page.get_by_text(re.compile("frame [1-9]"))).to_be_visible()
    page.reload()
    expect(page.get_by_text(re.compile("frame [1-9]"))).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    started = time.monotonic()
    expect(page.get_by_text("The job was cancelled")).to_be_visible()
    assert time.monotonic() - started < 10
    expect(page.get_by_role("button", name=re.compile("^Run$"))).to_be_enabled()


def test_without_a_mask_the_object_is_found_and_its_mask_prompts_another_engine(page, clip):
    upload(page, clip)
    page.get_by_role("radio", name="No mask: find the main object").click()
    expect(page.locator("canvas.upper-canvas")).to_have_count(0)
    expect(page.get_by_text("Nothing to paint")).to_be_visible()
    page.screenshot(path=SHOTS / "upload_no_mask.png", full_page=True)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)
    expect(page.get_by_role("img", name="Heat maps of attention")).to_be_visible()
    page.screenshot(path=SHOTS / "video_attention.png", full_page=True)

    page.get_by_role("button", name="Use its mask as a prompt").click()
    expect(page.locator("canvas.upper-canvas")).to_be_visible()
    area = page.get_by_text(re.compile(r"Frame \d+, exactly as it will be used: Object 1"))
    expect(area).to_be_visible()
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / "upload_from_result.png", full_page=True)
    before = area.inner_text()
    paint(page)  # the brush is wider than what was found
    expect(page.get_by_text("exactly as it will be used")).not_to_contain_text(before.partition(": ")[2])
    settle(page)
    expect(page.get_by_role("combobox", name="Engine")).to_have_value("Memory network")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Rendering: success")).to_be_visible(timeout=180_000)


def test_a_file_that_is_no_video_gets_one_sentence(page, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("these are words")
    page.goto("/upload")
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_role("alert")).to_contain_text("notes.mp4")


@pytest.mark.parametrize("size", [(1400, 900), (390, 844)], ids=["wide", "narrow"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_its_window(page, size, theme):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    for name in ("", "upload", "video", "trajectory", "gallery", "compare"):
        page.goto(f"/{name}")
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_timeout(1500)
        page.screenshot(path=SHOTS / f"{name or 'home'}_{size[0]}_{theme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
