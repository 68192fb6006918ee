"""Exports to look at: animations, read by Pillow, and the page, opened in a browser without a network."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.video.exports.scene import COUNT, HEIGHT, WIDTH, frame_of, run, scene
from tests.video.exports.test_film import inside_and_outside, near, noisy_clip
from vos.errors import InvalidInput
from vos.video.exports import gif, page, webp


def animation(path):
    """Return the frames of an animation (H, W, 3) and how long each is shown, in milliseconds."""
    with Image.open(path) as image:
        frames, durations = [], []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            durations.append(image.info["duration"])
            frames.append(np.array(image.convert("RGB")))
        return frames, durations, image.info["loop"]


@pytest.mark.parametrize(("export", "off"), [(gif, 6), (webp, 10)])
def test_animations_have_the_pixels_and_the_times_of_a_variable_rate(tmp_path, export, off):
    clip = noisy_clip(tmp_path / "c.mp4")
    with scene(tmp_path, clip=clip) as source:
        path, steps = run(
            export, source, tmp_path / "a", fps=50, opacity=1, outline=False, colours="1=#ffffff"
        )
    frames, durations, loop = animation(path)
    assert loop == 0
    assert len(frames) == COUNT
    np.testing.assert_allclose(durations[:4], [33, 67, 33, 100], atol=6)
    assert len(steps) == COUNT
    for index, frame in enumerate(frames):
        assert frame.shape == (HEIGHT, WIDTH, 3)
        _, outside = inside_and_outside(index)
        assert near(frame[outside], (40, 80, 120), off)
    inside, _ = inside_and_outside(0)
    ball = inside & (frame_of(0)[..., 0] == 200)
    assert near(frames[0][ball], (255, 255, 255), off)


def test_animations_are_as_small_and_slow_as_asked(tmp_path):
    with scene(tmp_path) as source:  # 24 frames a second
        frames, durations, _ = animation(run(gif, source, tmp_path / "a.gif", fps=12, width=30)[0])
    assert [frame.shape for frame in frames] == [(23, 30, 3)] * 3
    np.testing.assert_allclose(durations[:2], 1000 / 12, atol=10)


DRAWN = """(() => {
  const c = document.getElementById("way");
  const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let bottom = 0, left = c.width, count = 0;
  for (let k = 0; k < c.width * c.height; k++) {
    if (!data[4 * k + 3]) continue;
    count++; bottom = Math.floor(k / c.width); left = Math.min(left, k % c.width);
  }
  return [bottom, left, count / (c.width * c.height)];
})()"""  # the last row and the first column with something drawn, and the share that is


@pytest.mark.browser
def test_the_page_plays_and_shows_the_way_without_any_request(tmp_path, chromium):
    with scene(tmp_path, names={1: "</script><b>Ball", 2: "Frame"}) as source:
        path, steps = run(page, source, tmp_path / "p.html")
    assert steps[-1].done == steps[-1].total == COUNT
    asked, wrong = [], []
    tab = chromium.new_page(viewport={"width": 1200, "height": 800})
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    tab.goto(path.as_uri())
    tab.wait_for_function("document.querySelector('video').readyState >= 2")
    size = tab.evaluate("(v => [v.videoWidth, v.videoHeight])(document.querySelector('video'))")
    assert size == [WIDTH + 1, HEIGHT + 1]
    assert tab.title() == "Szene <1>"
    assert tab.locator("#objects tbody tr td:first-child").all_inner_texts() == ["</script><b>Ball", "Frame"]
    assert tab.locator("#facts td").all_inner_texts() == ["Engine", "test & <b>"]
    tab.locator("#seen").click(position={"x": 0.9 * tab.locator("#seen").bounding_box()["width"], "y": 5})
    tab.wait_for_function("document.getElementById('now').textContent.startsWith('Frame 4 of 4')")
    rows, columns, share = tab.evaluate(DRAWN)
    scale = 720 / WIDTH
    assert 0 < share < 0.1
    assert abs(rows / scale - 25.5) < 2  # the ball's way, in row 25
    assert abs(columns / scale - 14.5) < 2  # from column 14
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
    assert wrong == []
    tab.screenshot(path=tmp_path / "page.png")
    tab.close()


def test_the_page_holds_its_numbers_as_json_and_stays_within_its_size(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "big").mkdir()
    for index in range(48):
        noise = rng.normal(128, 30, (HEIGHT * 4, WIDTH * 4, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noise).save(tmp_path / "big" / f"{index}.png", compress_level=1)
    empty = np.zeros((HEIGHT * 4, WIDTH * 4), np.uint8)
    with scene(tmp_path, count=48, mask=lambda _: empty, names={1: "gone"}, clip=tmp_path / "big") as source:
        path, _ = run(page, source, tmp_path / "p.html", max_mb=1)
        free, _ = run(page, source, tmp_path / "q.html")
    assert 300_000 < path.stat().st_size <= 1_000_000
    assert path.stat().st_size < 0.9 * free.stat().st_size
    data = json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])
    assert data["times"][1] == 0.0417
    assert data["objects"][0]["centres"] == [None] * 48
    assert not list(tmp_path.glob("*.part*"))


def test_a_clip_that_is_too_long_for_its_page_is_one_sentence(tmp_path):
    with pytest.raises(InvalidInput, match="does not fit into a page of 1 MB; a larger max_mb"):
        page._within(700_000, 3600, 1)
    with pytest.raises(InvalidInput, match=r"max_mb is 0.5; 1.0 to 500.0 are allowed"):
        page.Options(max_mb=0.5)
