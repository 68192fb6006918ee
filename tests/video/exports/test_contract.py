"""What every export is: found by its name, with options that explain themselves and have defaults."""

import dataclasses
import warnings

import numpy as np
import pytest

from tests.video.exports.scene import mask_of, run, scene
from tests.video.exports.test_film import noisy_clip
from vos import plugins
from vos.options import read_options
from vos.types import Step

NAMES = plugins.names(plugins.EXPORTS)


@pytest.mark.parametrize("name", NAMES)
def test_an_export_says_what_it_is_who_uses_it_and_what_can_be_chosen(name):
    module = plugins.load(plugins.EXPORTS, name)
    assert module.LABEL
    assert module.WHO
    assert module.SUFFIX.startswith(".")
    chosen = module.Options()
    assert type(chosen).__dataclass_params__.frozen
    given = {field.name: str(getattr(chosen, field.name)) for field in dataclasses.fields(chosen)}
    assert read_options(plugins.EXPORTS, name, given) == chosen  # so that it can be said on a command line
    for field in dataclasses.fields(chosen):
        assert field.metadata["help"]
        assert {"min", "max"} <= set(field.metadata) or not isinstance(field.default, float)


@pytest.mark.parametrize("name", NAMES)
def test_steps_count_up_to_the_end_and_the_file_is_there_after_the_last_only(tmp_path, name):
    """On a clip with sound, a variable rate, an odd size, a frame without objects and one that leaves."""
    module = plugins.load(plugins.EXPORTS, name)
    target = tmp_path / "out" / f"x{module.SUFFIX}"
    target.parent.mkdir()
    with scene(tmp_path, clip=noisy_clip(tmp_path / "c.mp4")) as source:
        steps = []
        for step in module.export(source, module.Options(), target):
            assert isinstance(step, Step)
            assert not target.exists() or step.done == step.total
            steps.append(step.done)
        assert steps == sorted(steps)
        assert steps[-1] == step.total
        assert [path.name for path in target.parent.iterdir()] == [target.name]
        before = target.read_bytes()
        _, steps = run(module, source, target)  # an older file is replaced whole
        assert target.stat().st_size > 0.9 * len(before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seen", [False, True])
def test_one_frame_is_enough_with_or_without_an_object(tmp_path, name, seen):
    module = plugins.load(plugins.EXPORTS, name)
    options = {"count": 1} if seen else {"count": 1, "mask": lambda _: np.zeros_like(mask_of(0)), "names": {}}
    with scene(tmp_path, **options) as source, warnings.catch_warnings():
        warnings.simplefilter("error")
        path, steps = run(module, source, tmp_path / f"x{module.SUFFIX}")
    assert path.exists()
    assert steps[-1].done == steps[-1].total
