"""Unfinished requests: prompts from several frames, kept whole on disk."""

import numpy as np
import pytest

from pages import _drafts
from pages._drafts import Draft
from vos.store import Store

SIZE = (48, 64)


def mask(label, left=10):
    out = np.zeros(SIZE, np.uint8)
    out[10:30, left : left + 20] = label
    return out


@pytest.fixture
def draft(tmp_path):
    return Draft("token", str(tmp_path / "clip.mp4"), "digest", "A clip", SIZE)


def test_masks_on_several_frames_become_prompts_in_order(draft):
    draft.set_mask(7, mask(2))
    draft.set_mask(0, mask(1))
    draft.drawings[3] = {"objects": []}
    prompts = draft.prompts()
    assert [(p.frame, p.objects) for p in prompts] == [(0, (1,)), (7, (2,))]
    assert np.array_equal(prompts[1].mask, mask(2))
    assert draft.names == {1: "Object 1", 2: "Object 2"}


def test_ids_that_cannot_be_painted_become_free_ones(draft):
    both = mask(1) + mask(200, left=40)
    draft.set_mask(0, both)
    assert np.array_equal(draft.mask(0), mask(1) + mask(2, left=40))


def test_without_a_mask_there_are_no_prompts_but_the_drawing_stays(draft):
    draft.set_mask(0, mask(1))
    draft.by_hand = False
    assert draft.job().prompts == ()
    draft.by_hand = True
    assert len(draft.prompts()) == 1


def test_a_draft_comes_back_from_disk_as_it_was(draft, tmp_path):
    draft.set_mask(4, mask(3))
    draft.names[3] = 'Röck "n" roll'
    with Store(tmp_path / "cache") as store:
        _drafts.save(draft, store)
        assert _drafts._read(store.draft("token")) == draft
