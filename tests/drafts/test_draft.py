"""Drafts: masks and names on several frames, undo and redo, other tabs, damaged JSON."""

import base64
import functools
import io
import json
import threading

import numpy as np
import pytest
from PIL import Image

from vos.drafts import STEPS, Clicks, Draft
from vos.drafts import files as draft_files
from vos.errors import InvalidInput
from vos.labels import Labeller, Labels
from vos.net.engines import memory
from vos.types import Point
from vos.video.draw import COLOURS, hex_colour

SIZE = (48, 64)
DIGEST = "d" * 64


def mask(label, left=10):
    out = np.zeros(SIZE, np.uint8)
    out[10:30, left : left + 20] = label
    return out


def files(*masks):
    """Label maps as mask files say them; those of object 1 alone are binary."""
    return [(f"{n}.png", Labels(m, (), set(np.unique(m)) == {0, 1})) for n, m in enumerate(masks)]


@pytest.fixture
def draft(tmp_path):
    return Draft("token", str(tmp_path / "clip.mp4"), DIGEST, "A clip", SIZE)


def test_masks_on_several_frames_become_prompts_in_order(draft):
    draft.set_mask(7, mask(2))
    draft.set_mask(0, mask(1))
    draft.set_mask(3, mask(0))
    prompts = draft.prompts()
    assert [(p.frame, p.objects) for p in prompts] == [(0, (1,)), (7, (2,))]
    assert np.array_equal(prompts[1].mask, mask(2))
    assert draft.names == {1: "Object 1", 2: "Object 2"}


def test_ids_and_void_stay_as_the_mask_has_them(draft):
    drawn = mask(38) + mask(200, left=40)
    drawn[40:] = 255
    draft.set_mask(0, drawn)
    assert np.array_equal(draft.mask(0), drawn)
    assert draft.job().prompts[0].objects == (38, 200)


def test_without_a_mask_there_are_no_prompts_but_the_drawing_stays(draft):
    draft.set_mask(0, mask(1))
    draft.by_hand = False
    assert draft.job().prompts == ()
    draft.by_hand = True
    assert len(draft.prompts()) == 1


def test_more_objects_than_can_be_told_apart_are_refused_and_nothing_changes(draft):
    draft.set_mask(0, mask(1))
    many = np.zeros(SIZE, np.uint8)
    many[0, :20] = np.arange(2, 22)
    with pytest.raises(InvalidInput, match="21 objects"):
        draft.set_mask(5, many)
    assert draft.frames == (0,)
    draft.set_mask(0, mask(0))
    draft.set_mask(5, many)  # the name without a pixel makes room
    assert len(draft.names) == 20


EDITS = {
    "stroke": lambda d: d.set_mask(0, mask(1, left=30)),
    "other frame": lambda d: d.set_mask(9, mask(2)),
    "clear": lambda d: d.clear(0),
    "mask files": lambda d: d.add_masks(0, files(mask(1, left=40), mask(38)), Labeller()),
    "click": lambda d: d.set_object(0, 1, mask(1, left=20) > 0, Clicks((Point(25, 15),))),
    "copy": lambda d: d.copy_before(9),
    "holes": lambda d: d.retouch(0, 1, lambda plane: 1 - plane),
    "invert": lambda d: d.invert(0, 1),
    "add": Draft.add_object,
    "remove": lambda d: d.remove_object(1),
    "rename": lambda d: d.rename(1, "Dog"),
    "gone": lambda d: d.set_gone(0, 1),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_is_one_step_that_can_be_undone_and_done_again(draft, name):
    draft.set_mask(0, mask(1) + mask(2, left=40))
    before = draft.drawn
    assert EDITS[name](draft)
    after, frame = draft.drawn, draft.frame
    assert after != before
    draft.turn_to(5, 1)
    assert draft.undo()
    assert draft.drawn == before
    assert draft.frame == (9 if name in ("other frame", "copy") else 0)
    assert draft.redo()
    assert (draft.drawn, draft.object_id in draft.names) == (after, True)
    assert (frame, draft.redo()) == (0, False)


def test_fifty_edits_and_more_can_be_undone_and_a_new_one_ends_redo(draft):
    for n in range(STEPS + 5):
        draft.set_mask(n % 3, mask(1, left=n % 40))
    for _ in range(STEPS):
        assert draft.undo()
    assert STEPS >= 50
    assert not draft.undo()
    assert draft.undone
    draft.clear(1)
    assert not draft.undone


def test_an_edit_that_changes_nothing_is_no_step(draft):
    draft.set_mask(0, mask(1))
    steps = draft.done
    assert not draft.set_mask(0, mask(1))
    assert not draft.rename(1, " ")
    assert not draft.remove_object(1)
    assert draft.done == steps


def test_binary_files_are_the_chosen_object_and_then_new_ones(draft):
    draft.add_masks(0, files(mask(1), mask(1, left=40)), Labeller())
    assert np.array_equal(draft.mask(0), mask(1) + mask(2, left=40))
    draft.add_masks(0, files(mask(1, left=31)), Labeller())
    assert set(np.unique(draft.mask(0))) == {0, 1, 2, 3}
    assert draft.object_id == 3


def test_a_mask_that_covers_most_of_the_frame_can_be_inverted(draft):
    draft.set_mask(0, 1 - mask(1))
    assert draft.covers_most(0) == 1
    draft.invert(0, 1)
    assert np.array_equal(draft.mask(0), mask(1))
    assert draft.covers_most(0) == 0


def test_a_draft_comes_back_from_disk_as_it_was(draft, store):
    draft.set_mask(4, mask(3))
    draft.rename(3, 'Röck "n" roll')
    draft.undo()
    kept = draft_files.edit(store, draft, lambda d: d.turn_to(4, 3))
    assert draft_files.load(store, "token") == kept
    assert (kept.revision, kept.frame, kept.object_id) == (1, 4, 3)
    assert np.array_equal(kept.mask(4), mask(3))


def test_long_histories_are_kept_and_equal_masks_are_written_once(draft, store):
    noise = np.random.default_rng(0).integers(0, 2, (480, 854)).astype(np.uint8)
    draft.size_hw = noise.shape
    for n in range(10):
        draft.set_mask(0, noise if n % 2 else noise[::-1])
    kept = draft_files.edit(store, draft, lambda d: None)
    assert len(draft_files.write(kept)) > 2**16  # a file, not a row
    assert len(draft_files.write(kept)) < 4 * noise.size / 8 * 1.4
    assert draft_files.load(store, "token") == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("object_id", value) for value in ("Object 1", None, 77, [])],
        *[("frame", value) for value in ("x", -3, None, 1e400)],
        *[("engine", value) for value in ("gone", 5, None)],
        *[("options", value) for value in ("x", {"nothing": 1}, {"mode": "odd"}, {"mode": []})],
        *[("done", value) for value in (None, [1], [{}], "x")],
        ("undone", 3),
        ("job_id", None),
        ("revision", "x"),
        ("later", {"version": 9}),
    ],
)
def test_a_bad_field_costs_that_field_and_never_the_draft(draft, field, value):
    draft.set_mask(0, mask(1))
    text = json.dumps(json.loads(draft_files.write(draft)) | {field: value})
    read = draft_files.read(text)
    assert np.array_equal(read.mask(0), mask(1))
    assert (read.digest, read.object_id, read.frame, read.engine) == (DIGEST, 1, 0, "memory")
    assert read.options == memory.Options()


def test_of_options_those_that_the_user_chose_are_kept(draft):
    draft.options = memory.Options(mode="accurate")
    kept = draft_files.write(draft)
    assert json.loads(kept)["options"] == {"mode": "accurate"}
    assert draft_files.read(kept).job().options == memory.Options(mode="accurate")


def test_a_damaged_mask_costs_that_mask(draft):
    draft.set_mask(0, mask(1))
    draft.set_mask(5, mask(2))
    fields = json.loads(draft_files.write(draft))
    fields["masks"][fields["drawn"]["masks"]["5"]] = "not base64"
    read = draft_files.read(json.dumps(fields))
    assert read.frames == (0,)
    fields["drawn"] = "gone"
    read = draft_files.read(json.dumps(fields))
    assert (read.frames, read.title) == ((), "A clip")


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", "{", '{"size_hw": [1]}', "[" * 100_000])
def test_what_names_no_clip_is_no_draft(text):
    assert draft_files.read(text) is None


def test_edits_of_two_tabs_are_both_kept(draft, store):
    mine = draft_files.edit(store, draft, lambda d: d.set_mask(0, mask(1)))
    other = draft_files.load(store, "token")
    other = draft_files.edit(store, other, lambda d: d.set_mask(3, mask(1)))
    other = draft_files.edit(store, other, lambda d: d.set_mask(0, mask(1) + mask(2, left=40)))
    other = draft_files.edit(store, other, lambda d: d.turn_to(3, 2))
    mine = draft_files.edit(store, mine, lambda d: d.set_mask(0, np.maximum(d.mask(0), mask(1, left=0))))
    assert set(np.unique(mine.mask(0))) == {0, 1, 2}
    assert mine.frames == (0, 3)
    assert (mine.frame, mine.object_id) == (0, 1)  # what is looked at is each tab's own
    assert draft_files.refresh(store, other).mask(0)[15, 0] == 1


def test_edits_at_the_same_moment_are_all_kept(draft, store):
    draft = draft_files.edit(store, draft, lambda _: None)

    def work(tab):
        for frame in range(10 * tab, 10 * tab + 5):
            draft_files.edit(store, draft, functools.partial(Draft.set_mask, frame=frame, mask=mask(1)))

    threads = [threading.Thread(target=work, args=(tab,)) for tab in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = draft_files.load(store, "token")
    assert kept.frames == tuple(10 * tab + n for tab in range(3) for n in range(5))
    assert (kept.revision, len(kept.done)) == (16, 15)


def test_a_refused_edit_keeps_nothing_of_itself(draft, store):
    kept = draft_files.edit(store, draft, lambda d: d.set_mask(0, mask(1)))

    def half(draft):
        draft.clear(0)
        draft.options = memory.Options(mode="accurate")
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        draft_files.edit(store, kept, half)
    assert draft_files.load(store, "token") == kept
    assert kept.options == memory.Options()


def test_a_store_refuses_a_draft_that_is_not_made_from_the_kept_one(store):
    assert store.save_draft("token", "one", revision=1)
    assert not store.save_draft("token", "other", revision=1)
    assert store.save_draft("token", "two", revision=2)
    assert (store.draft("token"), store.draft_revision("token")) == ("two", 2)


def test_clicks_are_kept_until_the_mask_denies_them_and_undo_brings_them_back(draft, store):
    clicks = Clicks((Point(15, 15), Point(50, 40, False)), (5.0, 6.0, 40.0, 41.0))
    assert draft.set_object(2, 1, mask(1) > 0, clicks)
    kept = draft_files.edit(store, draft, lambda d: None)
    assert draft_files.load(store, "token").clicks(2, 1) == clicks
    assert len(kept.done) == 1
    erased = kept.mask(2)
    erased[10:20] = 0
    kept.set_mask(2, erased)
    assert kept.clicks(2, 1).points == (Point(50, 40, False),)
    kept.undo()
    assert kept.clicks(2, 1) == clicks
    kept.clear(2)
    assert not kept.drawn.clicks


def test_an_object_found_by_clicks_leaves_the_others_their_pixels(draft):
    draft.set_mask(0, mask(2, left=20))
    draft.set_object(0, 1, np.ones(SIZE, bool), Clicks((Point(0, 0),)))
    assert (draft.mask(0) == 2).sum() == 400
    assert (draft.mask(0) == 1).sum() == draft.mask(0).size - 400


def test_range_and_colours_come_back_from_disk(draft, store):
    draft.span, draft.colours = (3, 7), {"#ff0000": 4}
    draft_files.edit(store, draft, lambda d: None)
    read = draft_files.load(store, "token")
    assert (read.span, read.colours) == ((3, 7), {"#ff0000": 4})


def test_a_draft_kept_as_drawings_is_painted():
    drawing = _old_drawing()
    fields = {"token": "token", "path": "clip.mp4", "digest": DIGEST, "title": "Old", "size_hw": [540, 960]}
    fields |= {"drawings": {"0": drawing, "7": None}, "names": {"1": "Dog", "2": "Cat"}, "object_id": 2}
    read = draft_files.read(json.dumps(fields))
    mask = read.mask(0)
    assert (read.frames, read.names, read.object_id) == ((0,), {1: "Dog", 2: "Cat"}, 2)
    assert (mask[100:200, 100:300] == 2).sum() == 100 * 200 - 50 * 60  # a picture, and what erased in it
    assert (mask == 1).sum() == 40 * 30


def _old_drawing():
    labels = np.zeros((540, 960, 4), np.uint8)
    labels[100:200, 100:300] = [*COLOURS[2], 153]
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG")
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    def box(left, top, width, height, colour):
        place = {"left": left, "top": top, "width": width, "height": height}
        return {"type": "Rect", "stroke": colour, "originX": "left", "originY": "top", **place}

    erased = {**box(150, 120, 60, 50, "#fffffe"), "globalCompositeOperation": "destination-out"}
    image = {"type": "Image", "src": source, "left": 0, "top": 0, "width": 960, "height": 540}
    return {"objects": [image, erased, box(600, 300, 40, 30, hex_colour(1) + "99")]}


def test_an_object_is_gone_until_it_is_drawn_again_or_the_word_is_taken_back(draft):
    draft.set_mask(0, mask(1) + mask(2, left=40))
    assert draft.set_gone(6, 1)
    assert draft.set_gone(0, 2)
    said = [(p.frame, p.objects, p.gone) for p in draft.prompts()]
    assert said == [(0, (1,), (2,)), (6, (), (1,))]
    again = draft_files.read(draft_files.write(draft))
    assert [(p.frame, p.objects, p.gone) for p in again.prompts()] == said
    assert again.undo()
    assert [p.objects for p in again.prompts()] == [(1, 2), ()]
    draft.set_mask(6, mask(1, left=40))
    assert draft.gone == {0: (2,)}
    assert draft.set_gone(0, 2, gone=False)
    assert draft.gone == {}
    draft.set_gone(3, 2)
    draft.remove_object(2)
    assert draft.gone == {}
