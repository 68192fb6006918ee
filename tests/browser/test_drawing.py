"""Pointing and drawing: what the canvas shows, pixel by pixel, is what the draft keeps."""

import base64
import io
import secrets
import time
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from vos import uploads
from vos.drafts import Draft
from vos.drafts import files as draft_files
from vos.video import sample
from vos.video.draw import COLOURS
from vos.video.masks import encode_png, resize_mask
from vos.video.write import VideoWriter

pytestmark = pytest.mark.browser

H, W = sample.SIZE_HW
TRUTH = sample.prompt() > 0
ROWS, COLUMNS = np.nonzero(TRUTH)
MIDDLE = int(COLUMNS.mean()), int(ROWS.mean())
BOX = (int(COLUMNS.min()) - 4, int(ROWS.min()) - 4), (int(COLUMNS.max()) + 4, int(ROWS.max()) + 4)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, store):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    sample.write(path, count=6)
    with path.open("rb") as file:
        return uploads.keep(file, path.name, store.folder / "uploads")


class Tab:
    """A tab on the upload page of a draft; points are (x, y) of the part of the clip that is shown."""

    def __init__(self, page, store, token, part=(0, 0, W, H)):
        self.page, self.store, self.token, self.part = page, store, token, part
        page.goto(f"/upload?draft={token}")
        expect(page.locator("canvas.upper-canvas")).to_be_visible()
        self.wait()

    def wait(self):
        state = "document.querySelector('[data-testid=stApp]').dataset.testScriptState"
        self.page.wait_for_timeout(350)
        self.page.wait_for_function(f"{state} === 'notRunning'")

    def tool(self, name):
        self.page.get_by_role("radio", name=name, exact=True).click()
        self.wait()

    def open(self, name):
        self.page.locator(f".st-key-{name} button").first.click()
        self.wait()

    def click(self, name):
        self.page.locator(f".st-key-{name} button").click()
        self.wait()

    def undo(self):
        """Undo; `agree` waits for it."""
        self.page.get_by_role("button", name="Undo").click()

    def place(self, x, y):
        box = self.page.locator("canvas.upper-canvas").bounding_box()
        left, top, width, height = self.part
        return box["x"] + (x - left) * box["width"] / width, box["y"] + (y - top) * box["height"] / height

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

    def point(self, x, y, **how):
        self.page.mouse.click(*self.place(x, y), **how)

    def draft(self):
        return draft_files.load(self.store, self.token)

    def shown(self):
        """Return the label map that the canvas shows."""
        script = "canvases => canvases.find(c => c.matches('.dc-canvas')).toDataURL('image/png')"
        url = self.page.locator("canvas.lower-canvas").evaluate_all(script)
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA"))
        drawn = pixels[..., 3] > 0
        codes, which = np.unique(pixels[drawn] @ (1, 256, 65536, 0), return_inverse=True)
        colours = codes[:, None] // (1, 256, 65536) % 256
        apart = abs(colours[:, None] - COLOURS[1:41].astype(int)).max(2)
        ids = np.where(apart.min(1) <= 4, apart.argmin(1) + 1, 99)  # 99: neither nothing nor an object
        mask = np.zeros(drawn.shape, np.uint8)
        mask[drawn] = ids[which]
        return mask

    def kept(self, frame=None):
        draft = self.draft()
        return draft.mask(draft.frame if frame is None else frame)

    def until(self, steps):
        """Wait until so many edits are kept."""
        end = time.monotonic() + 20
        while len(self.draft().done) != steps:
            assert time.monotonic() < end, f"{len(self.draft().done)} edits; {steps} are expected"
            self.page.wait_for_timeout(100)
        self.wait()

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
    tab = Tab(page, store, draft.token)
    tab.tool("Brush")
    return tab


def brush(tab):
    tab.drag((100, 100), (300, 140), (300, 300))


def erase(tab):
    tab.drag((200, 90), (240, 240))


def draw_polygon(tab):
    tab.polygon((150, 60), (330, 220), (120, 240))


def click_on_the_object(tab):
    tab.point(*MIDDLE)


def box_the_object(tab):
    tab.drag(*BOX)


TOOLS = {
    "Brush": brush,
    "Eraser": erase,
    "Polygon": draw_polygon,
    "Click": click_on_the_object,
    "Box": box_the_object,
}
ORDERS = [
    ("Brush", "Eraser", "Polygon", "Eraser", "Brush"),
    ("Click", "Eraser", "Polygon", "Box", "Brush"),
]


def overlap(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_tools_in_any_order_add_or_take_away_and_every_step_is_undone_and_done_again(tab, order):
    kept = [tab.kept()]
    for steps, name in enumerate(order, 1):
        tab.tool(name)
        TOOLS[name](tab)
        mask = tab.agree(steps)
        before, after = kept[-1] > 0, mask > 0
        if name in ("Brush", "Polygon"):
            assert not (before & ~after).any(), name
        elif name == "Eraser":
            assert not (after & ~before).any(), name
        assert (before != after).sum() > 300, name
        kept.append(mask)
    for back in range(len(kept) - 2, -1, -1):
        tab.undo()
        assert np.array_equal(tab.agree(back), kept[back])
    expect(tab.page.get_by_role("button", name="Undo")).to_be_disabled()
    for forward in range(1, len(kept)):
        tab.page.keyboard.press("Control+Shift+Z")
        assert np.array_equal(tab.agree(forward), kept[forward])
    tab.page.keyboard.press("Control+Z")
    assert np.array_equal(tab.agree(len(kept) - 2), kept[-2])


def test_one_click_finds_the_object_and_a_click_beside_it_takes_away(tab):
    tab.tool("Click")
    tab.point(*MIDDLE)
    found = tab.agree(1)
    assert overlap(found > 0, TRUTH) > 0.8
    tab.tool("Brush")
    tab.drag((600, 60), (700, 60), (700, 120))
    painted = tab.agree(2)
    assert painted[60, 650] == 1
    tab.tool("Click")
    tab.point(650, 60, button="right")
    less = tab.agree(3)
    assert less[60, 650] == 0
    assert (less > 0).sum() < (painted > 0).sum()
    tab.tool("Take away")
    tab.point(*MIDDLE)
    assert tab.agree(4)[MIDDLE[1], MIDDLE[0]] == 0
    tab.undo()
    assert np.array_equal(tab.agree(3), less)
    assert [point.positive for point in tab.draft().clicks(0, 1).points] == [True, False]
    expect(tab.page.locator(".over .dot")).to_have_count(2)


def test_a_click_beside_an_object_that_is_not_there_yet_says_so(tab):
    tab.tool("Click")
    tab.point(650, 60, button="right")
    expect(tab.page.get_by_role("alert")).to_contain_text("Nothing says where the object is")
    expect(tab.page.locator(".over .dot")).to_have_count(0)
    assert not tab.draft().done


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
    tab.tool("Brush")
    tab.drag((500, 300), (600, 400))
    assert (tab.agree(4) > 0).sum() > (mask > 0).sum() + 2000


def test_objects_stay_apart_through_add_choose_remove_and_undo(tab):
    brush(tab)
    tab.agree(1)
    tab.click("add_object")
    tab.drag((500, 100), (600, 200))
    both = tab.agree(3)
    assert set(np.unique(both)) == {0, 1, 2}
    tab.page.get_by_role("button", name="Remove Object 2").click()
    assert set(np.unique(tab.agree(4))) == {0, 1}
    tab.undo()
    assert np.array_equal(tab.agree(3), both)


def test_clearing_and_mask_files_of_any_kind_are_undone(tab, tmp_path):
    brush(tab)
    first = tab.agree(1)
    tab.open("edit_mask")
    tab.click("clear_frame")
    tab.page.keyboard.press("Escape")
    assert not tab.agree(2).any()
    tab.undo()
    assert np.array_equal(tab.agree(1), first)
    thing = np.zeros((H, W), np.uint8)
    thing[300:400, 500:700] = 1
    (tmp_path / "ids.png").write_bytes(encode_png(thing * 38))
    for kind in ("JPEG", "WEBP"):
        Image.fromarray(thing * 255).save(tmp_path / f"binary.{kind.lower()}", kind, quality=95)
    tab.open("mask_file")
    for steps, (file, ids) in enumerate(
        {"binary.jpeg": {0, 1, 2}, "binary.webp": {0, 1, 3}, "ids.png": {0, 38}}.items(), 2
    ):
        tab.page.locator(".st-key-mask_file_place input[type=file]").set_input_files(tmp_path / file)
        mask = tab.agree(steps)
        assert set(np.unique(mask)) == ids
        assert abs(int((mask == max(ids)).sum()) - 20_000) < 200
        tab.wait()
    tab.page.reload()
    expect(tab.page.locator("canvas.upper-canvas")).to_be_visible()
    assert set(np.unique(tab.agree(4))) == {0, 38}
    for _ in range(3):
        tab.undo()
    assert np.array_equal(tab.agree(1), first)


def test_a_drawing_survives_page_switch_and_reload_and_is_drawn_on(tab):
    brush(tab)
    first = tab.agree(1)
    tab.page.get_by_role("link", name="Gallery").click()
    expect(tab.page.get_by_role("heading", name="Gallery")).to_be_visible()
    tab.page.get_by_role("link", name="Upload").click()
    expect(tab.page.locator("canvas.upper-canvas")).to_be_visible()
    assert np.array_equal(tab.agree(1), first)
    tab.tool("Brush")
    tab.drag((500, 100), (600, 200))
    second = tab.agree(2)
    tab.page.get_by_role("radio", name="Find it for me").click()
    expect(tab.page.locator("canvas.upper-canvas")).to_have_count(0)
    tab.page.get_by_role("radio", name="Point at it").click()
    expect(tab.page.locator("canvas.upper-canvas")).to_be_visible()
    assert np.array_equal(tab.agree(2), second)
    assert ((second > 0) & ~(first > 0)).sum() > 2000


def test_a_stroke_stays_on_its_frame_and_the_canvas_is_locked_until_the_next_is_there(tab):
    brush(tab)
    first = tab.agree(1)
    tab.page.locator(".place").evaluate(
        "place => new MutationObserver(() => (window.waited ||= place.matches('.waits')))"
        ".observe(place, { attributes: true })"
    )
    bar = tab.page.get_by_role("slider", name="Frame")
    bar.focus()
    bar.press("ArrowRight")
    tab.page.wait_for_function("window.waited")
    expect(tab.page.locator(".place.waits")).to_have_count(0)
    assert not tab.agree(1, frame=1).any()
    tab.drag((500, 100), (600, 200))
    tab.agree(2, frame=1)
    assert np.array_equal(tab.kept(0), first)
    tab.undo()
    tab.undo()  # leads back to the frame where it is seen
    tab.until(0)
    assert tab.draft().frame == 0
    assert not tab.agree(0).any()


def test_two_tabs_on_one_draft_lose_nothing(tab, store):
    other = Tab(tab.page.context.new_page(), store, tab.token)
    other.tool("Brush")
    brush(tab)
    first = tab.agree(1)
    other.drag((500, 100), (600, 200))
    both = other.agree(2)
    assert (both[first > 0] == 1).all()
    expect(other.page.get_by_text("changed in another tab")).to_be_visible()
    tab.tool("Polygon")
    assert np.array_equal(tab.agree(2), both)


def test_strokes_and_boxes_on_a_part_of_a_4k_frame_land_where_they_are_drawn(page, store, tmp_path):
    high, wide = 2160, 3840
    frame = np.full((high, wide, 3), 90, np.uint8)
    with VideoWriter(tmp_path / "large.mp4", (high, wide), fps=Fraction(30)) as film:
        film.add(frame, 0)
    with (tmp_path / "large.mp4").open("rb") as file:
        kept = uploads.keep(file, "large.mp4", store.folder / "uploads")
    draft = Draft(secrets.token_hex(4), str(kept.path), kept.digest, "Large", (high, wide))
    draft_files.edit(store, draft, lambda _: None)
    tab = Tab(page, store, draft.token)
    for _ in range(3):
        tab.click("zoom_in")
    tab.part = (1680, 945, 480, 270)
    tab.tool("Polygon")
    tab.polygon((1900, 1000), (1908, 1000), (1908, 1008), (1900, 1008))
    tab.until(1)
    rows, columns = np.nonzero(tab.kept())
    edges = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    assert np.abs(np.array(edges) - (1000, 1008, 1900, 1908)).max() <= 1
    assert abs(len(rows) - 64) <= 16
    overview = page.locator(".overview").bounding_box()
    page.mouse.click(overview["x"] + overview["width"] / 16, overview["y"] + overview["height"] / 16)
    tab.wait()
    tab.part = (0, 0, 480, 270)
    tab.tool("Brush")
    tab.drag((100, 100), (200, 100))
    tab.until(2)
    rows, columns = np.nonzero(tab.kept()[:270, :480])
    assert (rows.mean(), columns.mean()) == (pytest.approx(99.5, abs=1.5), pytest.approx(149.5, abs=1.5))
    assert tab.draft().clicks(0, 1).points == ()


def test_on_a_phone_a_tap_finds_the_object_and_all_is_in_reach(chromium, dashboard, store, clip):
    draft = Draft(secrets.token_hex(4), str(clip.path), clip.digest, "A clip", (H, W))
    draft_files.edit(store, draft, lambda _: None)
    size = {"width": 390, "height": 844}
    context = chromium.new_context(viewport=size, base_url=dashboard, has_touch=True, is_mobile=True)
    tab = Tab(context.new_page(), store, draft.token)
    for name in ("Undo", "Track object"):
        box = tab.page.get_by_role("button", name=name).bounding_box()
        assert box["x"] >= 0
        assert box["y"] + box["height"] <= 844
        assert box["x"] + box["width"] <= 390
    tab.page.touchscreen.tap(*tab.place(*MIDDLE))
    found = tab.agree(1)
    assert overlap(found > 0, TRUTH) > 0.8
    tab.page.screenshot(path=SHOTS / "drawing_phone.png")
    tab.page.get_by_role("button", name="Undo").tap()
    assert not tab.agree(0).any()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    context.close()


def test_keys_choose_objects_and_a_shape_is_edited_in_steps(tab):
    brush(tab)
    tab.click("add_object")
    tab.drag((500, 100), (600, 200))
    tab.agree(3)
    tab.page.keyboard.press("1")
    expect(tab.page.locator(".objects li.chosen .dot")).to_have_text("1")
    tab.wait()
    before = tab.kept()
    tab.open("edit_mask")
    tab.click("touch_grow")
    grown = tab.agree(4)
    tab.click("touch_smooth")
    tab.agree(5)
    tab.page.keyboard.press("Escape")
    assert (grown == 1).sum() > (before == 1).sum() + 300
    assert np.array_equal(grown == 2, before == 2)
    tab.undo()
    tab.undo()
    assert np.array_equal(tab.agree(3), before)
    tab.page.get_by_role("button", name="Hide Object 2").click()
    tab.wait()
    end = time.monotonic() + 20
    while set(np.unique(tab.shown())) != {0, 1}:
        assert time.monotonic() < end
        tab.page.wait_for_timeout(100)
    assert np.array_equal(tab.kept(), before)
