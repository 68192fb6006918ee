"""The player: the frame it names is the frame in the picture, and the mask on it is that frame's."""

from fractions import Fraction

import numpy as np
import pytest
from playwright.sync_api import expect

from vos import segment
from vos.net.engines.flow import Options
from vos.segment import Finished
from vos.store import Store
from vos.types import Device, Job, Prompt
from vos.video.masks import MaskReader
from vos.video.write import VideoWriter

pytestmark = pytest.mark.browser

COUNT, HEIGHT, WIDTH, BITS, BLOCK = 60, 90, 160, 6, 16
READ = f"""(canvas) => {{
  const ink = canvas.getContext('2d'), bits = [];
  for (let k = 0; k < {BITS}; k++) bits.push(ink.getImageData({BLOCK} * k + 8, 8, 1, 1).data[1] > 128);
  return bits.reduce((number, bit, k) => number + bit * 2 ** k, 0);
}}"""
PIXELS = "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"


def numbered(index):
    """A frame that bears its number in black and white blocks, and a box that moves two pixels a frame."""
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for k in range(BITS):
        frame[:BLOCK, BLOCK * k : BLOCK * (k + 1)] = 255 if index >> k & 1 else 0
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[40:70, 2 * index : 2 * index + 30] = 1
    frame[mask > 0] = (40, 90, 200)
    return frame, mask


@pytest.fixture(scope="module", params=["constant", "variable"])
def result(request, cache, tmp_path_factory):
    return stored(request.param, cache, tmp_path_factory.mktemp("numbers"))


@pytest.fixture(scope="module")
def one(cache, tmp_path_factory):
    return stored("constant", cache, tmp_path_factory.mktemp("numbers"))


def stored(rate, cache, folder):
    path = folder / f"{rate}.mp4"
    steps = [3000 if rate == "constant" or k % 7 else 9000 for k in range(COUNT)]
    with VideoWriter(path, (HEIGHT, WIDTH), fps=Fraction(30)) as film:
        for index in range(COUNT):
            film.add(numbered(index)[0], sum(steps[:index]), steps[index])
    with Store(cache) as store:
        job = Job(path, "flow", (Prompt(0, numbered(0)[1]),), Options())
        return next(
            item.result for item in segment.run(job, store, device=Device()) if isinstance(item, Finished)
        )


def settled(page, frame):
    """Wait until a frame is drawn with its mask; return the number painted in the picture."""
    page.locator(f".player[data-frame='{frame}'][data-drawn='{frame}']").wait_for()
    page.wait_for_timeout(100)
    return page.locator(".player .stage canvas").evaluate(READ)


def test_the_frame_named_is_the_frame_in_the_picture(page, result):
    page.goto(f"/video?result={result.id}")
    assert settled(page, 0) == 0
    for frame in (1, 2, 31, 30, 59, 7, 8, 50):
        field = page.get_by_role("textbox", name="Frame number")
        field.fill(str(frame))
        field.press("Enter")
        assert settled(page, frame) == frame
    page.locator(".player .bar").focus()
    for key, frame in (("ArrowRight", 51), ("ArrowLeft", 50), ("Home", 0), ("End", 59), ("j", None)):
        page.keyboard.press(key)
        if frame is not None:
            assert settled(page, frame) == frame
    page.keyboard.press("k")
    page.wait_for_timeout(400)
    frame = int(page.locator(".player").get_attribute("data-frame"))
    assert settled(page, frame) == frame


def test_what_plays_and_stops_shows_its_own_frame(page, result):
    page.goto(f"/video?result={result.id}")
    settled(page, 0)
    page.locator(".player .bar").focus()
    for _ in range(3):
        page.keyboard.press("Space")
        page.wait_for_timeout(350)
        page.keyboard.press("k")
        page.wait_for_timeout(500)
        frame = int(page.locator(".player").get_attribute("data-frame"))
        assert settled(page, frame) == frame
    assert frame > 0


def test_the_masks_drawn_are_those_that_are_stored(page, one):
    """A mask alone, in its colour: the very pixels of the stored label map."""
    page.goto(f"/video?result={one.id}")
    settled(page, 0)
    page.get_by_role("combobox", name="View").select_option("mask")
    page.get_by_role("textbox", name="Frame number").fill("20")
    page.get_by_role("textbox", name="Frame number").press("Enter")
    settled(page, 20)
    canvas = page.locator(".player .stage canvas")
    shown = np.array(canvas.evaluate(PIXELS), np.uint8).reshape(HEIGHT, WIDTH, 4)
    with MaskReader(one.files["masks"]) as masks:
        stored = masks[20]
    assert stored.any()
    assert ((shown[..., 0] > 100) == (stored > 0)).all()
    page.get_by_role("button", name="Object 1", exact=True).click()
    page.wait_for_timeout(200)
    shown = np.array(canvas.evaluate(PIXELS), np.uint8).reshape(HEIGHT, WIDTH, 4)
    assert shown[..., 0].max() < 100


def test_the_place_is_kept_when_the_look_changes(page, one):
    page.goto(f"/video?result={one.id}")
    settled(page, 0)
    page.get_by_role("textbox", name="Frame number").fill("33")
    page.get_by_role("textbox", name="Frame number").press("Enter")
    assert settled(page, 33) == 33
    for view, width in (("beside", 2 * WIDTH), ("cutout", WIDTH), ("original", WIDTH), ("overlay", WIDTH)):
        page.get_by_role("combobox", name="View").select_option(view)
        page.wait_for_timeout(150)
        assert page.locator(".player .stage canvas").evaluate("c => c.width") == width
        assert page.locator(".player").get_attribute("data-frame") == "33"
        expect(page.get_by_role("textbox", name="Frame number")).to_have_value("33")
