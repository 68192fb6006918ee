"""From a result to its correction and back: what was said before stays, and so do all frames before it."""

import time
from fractions import Fraction

import numpy as np
import pytest
from playwright.sync_api import expect

from vos import segment, uploads
from vos.net.engines.flow import Options
from vos.segment import Finished
from vos.types import Device, Job, Prompt
from vos.video.masks import MaskReader
from vos.video.write import VideoWriter

pytestmark = pytest.mark.browser

HEIGHT, WIDTH, COUNT, FRAME = 240, 320, 10, 6


@pytest.fixture(scope="module")
def base(store, tmp_path_factory):
    """A clip at rest and the flow engine's masks of it."""
    path = tmp_path_factory.mktemp("clip") / "rest.mp4"
    picture = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    with VideoWriter(path, (HEIGHT, WIDTH), fps=Fraction(25)) as film:
        for index in range(COUNT):
            film.add(picture, index * 3600)
    with path.open("rb") as file:
        upload = uploads.keep(file, "rest.mp4", store.folder / "uploads")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[60:160, 40:120] = 1
    job = Job(upload.path, "flow", (Prompt(0, mask),), Options(), title="rest")
    done = [i for i in segment.run(job, store, device=Device()) if isinstance(i, Finished)]
    return done[0].result


def read(result):
    with MaskReader(result.files["masks"]) as masks:
        return list(masks)


def newer(store, old):
    """Wait for a result that has another one as its parent."""
    for _ in range(240):
        newest = store.newest()
        if newest and newest.parent == old.id:
            return newest
        time.sleep(0.25)
    raise AssertionError("no corrected result came")


def test_a_frame_of_a_result_is_corrected_and_the_correction_undone(page, store, base):
    page.goto(f"/video?result={base.id}&frame={FRAME}")
    page.locator(f".player[data-frame='{FRAME}']").wait_for()
    page.get_by_role("button", name="Correct this frame").click()
    canvas = page.locator("canvas.upper-canvas")
    expect(canvas).to_be_visible()
    page.wait_for_timeout(1500)
    page.get_by_role("radio", name="Brush", exact=True).click()
    page.wait_for_timeout(1000)
    box = canvas.bounding_box()
    scale = box["width"] / WIDTH
    page.mouse.move(box["x"] + 200 * scale, box["y"] + 80 * scale)
    page.mouse.down()
    page.mouse.move(box["x"] + 280 * scale, box["y"] + 80 * scale, steps=8)
    page.mouse.up()
    expect(page.locator(".area").first).not_to_have_text("8,000 px (10.4 %)")
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Track object").click()
    result = newer(store, base)
    before, after = read(base), read(result)
    assert all(np.array_equal(a, b) for a, b in zip(before[:FRAME], after[:FRAME], strict=True))
    for mask in after[FRAME:]:
        assert mask[80, 210:270].all()
        assert mask[100, 50:110].all()
    assert result.prompt_frames == (0, FRAME)
    expect(page.get_by_text(f"Corrected on frame {FRAME}")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**result={base.id}*")
