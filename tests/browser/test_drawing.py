"""Drawing by hand: what the canvas shows, pixel by pixel, is what the draft keeps, whatever came before."""

import base64
import io
import secrets
import time

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from vos import draft_files, uploads
from vos.drafts import Draft
from vos.store import Store
from vos.video import sample
from vos.video.draw import COLOURS
from vos.video.masks import encode_png, resize_mask

pytestmark = pytest.mark.browser

H, W = sample.SIZE_HW


@pytest.fixture(scope="module")
def store(cache):
    with Store(cache) as store:
        yield store


@pytest.fixture(scope="module")
def clip(tmp_path_factory, store):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    sample.write(path, count=6)
    with path.open("rb") as file:
        return uploads.keep(file, path.name, store.folder / "uploads")


class Tab:
    """A tab on the prompt step of a draft; points are (x, y) of the clip."""

    def __init__(self, page, store, token):
        self.page, self.store, self.token = page, store, token
        page.goto(f"/upload?draft={token}")
        expect(page.locator("canvas.upper-canvas")).to_be_visible()
        self.wait()

    def wait(self):
        state = "document.querySelector('[data-testid=stApp]').dataset.testScriptState"
        self.page.wait_for_timeout(350)
        self.page.wait_for_function(f"{state} === 'notRunning'")

    def tool(self, name):
        self.page.get_by_role("radio", name=name).click()
        self.wait()

    def click(self, name):
        self.page.locator(f".st-key-{name} button").click()
        self.wait()

    def place(self, x, y):
        box = self.page.locator("canvas.upper-canvas").bounding_box()
        return box["x"] + x * box["width"] / W, box["y"] + y * box["height"] / H

    def drag(self, *points):
        mouse = self.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=4)
        mouse.up()

    def polygon(self, *corners):
        for corner in (*corners, corners[0]):
            self.page.mouse.click(*self.place(*corner))
            self.page.wait_for_timeout(60)

    def draft(self):
        return draft_files.load(self.store, self.token)

    def shown(self):
        """Return the label map that the canvas shows."""
        script = "canvases => canvases.find(c => c.matches('.dc-canvas')).toDataURL('image/png')"
        url = self.page.locator("canvas.lower-canvas").evaluate_all(script)
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA"))
        mask = np.zeros(pixels.shape[:2], np.uint8)
        for object_id in range(1, 41):
            near = abs(pixels[..., :3].astype(int) - COLOURS[object_id]).max(2) <= 4
            mask[near & (pixels[..., 3] > 0)] = object_id
        mask[(mask == 0) & (pixels[..., 3] > 0)] = 99  # neither nothing nor an object
        return mask

    def kept(self, frame=None):
        draft = self.draft()
        return draft.mask(draft.frame if frame is None else frame)

    def agree(self, steps=None, frame=None):
        """Wait until the canvas shows what is kept, after so many edits in all; return the kept mask."""
        end, what = time.monotonic() + 20, ""
        while time.monotonic() < end:
            draft, shown = self.draft(), self.shown()
            kept, done = draft.mask(draft.frame if frame is None else frame), len(draft.done)
            differ = int((resize_mask(kept, shown.shape) != shown).sum())
            what = f"{differ} pixels differ after {done} edits; {int((kept > 0).sum())} px are kept"
            if not differ and steps in (None, done):
                return kept
            self.page.wait_for_timeout(100)
        raise AssertionError(what)


@pytest.fixture
def tab(page, store, clip):
    draft = Draft(secrets.token_hex(4), str(clip.path), clip.digest, "A clip", (H, W))
    draft_files.edit(store, draft, lambda _: None)
    return Tab(page, store, draft.token)


def brush(tab):
    tab.drag((100, 100), (300, 140), (300, 300))


def erase(tab):
    tab.drag((60, 110), (200, 120), (340, 160))


def draw_rectangle(tab):
    tab.drag((250, 90), (420, 200))


def draw_polygon(tab):
    tab.polygon((150, 60), (330, 220), (120, 240))


TOOLS = {"Brush": brush, "Eraser": erase, "Rectangle": draw_rectangle, "Polygon": draw_polygon}
ORDERS = [
    ("Brush", "Eraser", "Polygon", "Rectangle", "Eraser"),
    ("Polygon", "Eraser", "Brush", "Brush", "Rectangle"),
    ("Rectangle", "Polygon", "Brush", "Eraser", "Polygon"),
]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_tools_in_any_order_add_or_take_away_and_every_step_is_undone_and_done_again(tab, order):
    kept = [tab.kept()]
    for steps, name in enumerate(order, 1):
        tab.tool(name)
        TOOLS[name](tab)
        steps -= name == "Brush" and order[steps - 2] == "Brush"  # the same stroke again changes nothing
        mask = tab.agree(steps)
        before, after = kept[-1] > 0, mask > 0
        assert not ((before & ~after) if name != "Eraser" else (after & ~before)).any(), name
        if not np.array_equal(mask, kept[-1]):
            assert abs(int(after.sum()) - int(before.sum())) > 300
            kept.append(mask)
    for back in range(len(kept) - 2, -1, -1):
        tab.click("undo")
        assert np.array_equal(tab.agree(back), kept[back])
    expect(tab.page.locator(".st-key-undo button")).to_be_disabled()
    for forward in range(1, len(kept)):
        tab.page.keyboard.press("Control+Shift+Z")
        assert np.array_equal(tab.agree(forward), kept[forward])
    tab.page.keyboard.press("Control+Z")
    assert np.array_equal(tab.agree(len(kept) - 2), kept[-2])


def test_strokes_one_after_the_other_without_a_pause_are_all_kept(tab):
    for name, change in (("Brush", 1), ("Eraser", -1)):
        tab.tool(name)
        before = int((tab.kept() > 0).sum())
        for n in range(6):
            tab.drag((60 + 100 * n, 100), (60 + 100 * n, 300))
            tab.page.wait_for_timeout(70 * n)  # some fall into a run of the page, some into a reload
        mask = tab.agree(6 if change > 0 else 12)
        assert ((mask > 0).sum() - before) * change > 6 * 4000


def test_an_object_is_named_and_painted_on(tab):
    brush(tab)
    first = tab.agree(1)
    name = tab.page.get_by_role("textbox", name="Its name")
    name.fill("Dog")
    name.press("Enter")
    tab.wait()
    tab.drag((500, 100), (600, 200))
    mask = tab.agree(3)
    assert ((mask > 0) & ~(first > 0)).sum() > 2000
    assert (mask[first > 0] == 1).all()
    draft = tab.draft()
    assert (draft.names, draft.object_id) == ({1: "Dog"}, 1)
    tab.page.reload()
    expect(name).to_have_value("Dog")
    tab.wait()
    tab.drag((500, 300), (600, 400))
    assert (tab.agree(4) > 0).sum() > (mask > 0).sum() + 2000


def test_objects_stay_apart_through_add_choose_remove_and_undo(tab):
    brush(tab)
    tab.agree(1)
    tab.click("add_object")
    tab.drag((500, 100), (600, 200))
    both = tab.agree(3)
    assert set(np.unique(both)) == {0, 1, 2}
    tab.click("remove_object")
    assert set(np.unique(tab.agree(4))) == {0, 1}
    tab.click("undo")
    assert np.array_equal(tab.agree(3), both)


def test_clearing_and_mask_files_of_any_kind_are_undone(tab, tmp_path):
    brush(tab)
    first = tab.agree(1)
    tab.click("clear_frame")
    assert not tab.agree(2).any()
    tab.click("undo")
    assert np.array_equal(tab.agree(1), first)
    thing = np.zeros((H, W), np.uint8)
    thing[300:400, 500:700] = 1
    (tmp_path / "ids.png").write_bytes(encode_png(thing * 38))
    for kind in ("JPEG", "WEBP"):
        Image.fromarray(thing * 255).save(tmp_path / f"binary.{kind.lower()}", kind, quality=95)
    tab.page.get_by_text("Use a mask file").click()
    for steps, (file, ids) in enumerate(
        {"binary.jpeg": {0, 1, 2}, "binary.webp": {0, 1, 3}, "ids.png": {0, 38}}.items(), 2
    ):
        tab.page.locator(".st-key-mask_file input[type=file]").set_input_files(tmp_path / file)
        mask = tab.agree(steps)
        assert set(np.unique(mask)) == ids
        assert abs(int((mask == max(ids)).sum()) - 20_000) < 200
        tab.wait()
    tab.page.reload()
    expect(tab.page.locator("canvas.upper-canvas")).to_be_visible()
    assert set(np.unique(tab.agree(4))) == {0, 38}
    for _ in range(3):
        tab.click("undo")
    assert np.array_equal(tab.agree(1), first)


def test_a_drawing_survives_page_switch_and_reload_and_is_drawn_on(tab):
    brush(tab)
    first = tab.agree(1)
    tab.page.get_by_role("link", name="Gallery").click()
    expect(tab.page.get_by_role("heading", name="Gallery")).to_be_visible()
    tab.page.get_by_role("link", name="Upload").click()
    expect(tab.page.locator("canvas.upper-canvas")).to_be_visible()
    assert np.array_equal(tab.agree(1), first)
    tab.wait()
    tab.drag((500, 100), (600, 200))
    second = tab.agree(2)
    tab.page.get_by_role("radio", name="No mask: find the main object").click()
    expect(tab.page.locator("canvas.upper-canvas")).to_have_count(0)
    tab.page.get_by_role("radio", name="Paint the object").click()
    expect(tab.page.locator("canvas.upper-canvas")).to_be_visible()
    assert np.array_equal(tab.agree(2), second)
    assert ((second > 0) & ~(first > 0)).sum() > 2000


def test_a_stroke_stays_on_its_frame_and_the_canvas_is_locked_until_the_next_is_there(tab):
    brush(tab)
    first = tab.agree(1)
    slider = tab.page.get_by_role("slider", name="Frame")
    slider.focus()
    slider.press("ArrowRight")
    locked = "getComputedStyle(document.querySelector('.st-key-canvas')).pointerEvents"
    assert tab.page.evaluate(locked) == "none"
    tab.page.wait_for_function(f"{locked} !== 'none'")
    assert not tab.agree(1, frame=1).any()
    tab.drag((500, 100), (600, 200))
    tab.agree(2, frame=1)
    assert np.array_equal(tab.kept(0), first)
    tab.click("undo")
    tab.click("undo")  # leads back to the frame where it is seen
    assert tab.draft().frame == 0
    assert not tab.agree(0).any()


def test_two_tabs_on_one_draft_lose_nothing(tab, store):
    other = Tab(tab.page.context.new_page(), store, tab.token)
    brush(tab)
    first = tab.agree(1)
    other.drag((500, 100), (600, 200))
    both = other.agree(2)
    assert (both[first > 0] == 1).all()
    expect(other.page.get_by_text("changed in another tab")).to_be_visible()
    tab.tool("Polygon")
    assert np.array_equal(tab.agree(2), both)


def test_on_a_phone_undo_is_in_reach_and_the_canvas_fits(tab):
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.wait()
    tab.page.locator("canvas.upper-canvas").scroll_into_view_if_needed()
    brush(tab)
    first = tab.agree(1)
    assert (first > 0).sum() > 4000
    tab.page.screenshot(path=SHOTS / "drawing_phone.png")
    tab.click("undo")
    assert not tab.agree(0).any()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
