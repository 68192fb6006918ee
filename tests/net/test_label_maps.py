"""Soft masks become label maps whose edges are those of the frame."""

import cv2
import numpy as np
import pytest
import torch

from vos.net.label_maps import FLAT, follow_edges, to_label_map


def soft(pixels, blur=9):
    return cv2.blur(pixels.astype(np.float32), (blur, blur))


def two_halves(size_hw):
    frame = np.full((*size_hw, 3), 40, np.uint8)
    frame[:, size_hw[1] // 2 :] = 200
    return frame


def test_the_filter_equals_a_plain_recomputation():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (20, 24, 3), np.uint8)  # a short side that gives the radius 1
    plane = rng.uniform(0.1, 0.9, (20, 24)).astype(np.float32)  # unsure everywhere
    guide, p = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) / 255, plane.astype(float)

    def window(values, y, x):
        return np.pad(values, 1, "reflect")[y : y + 3, x : x + 3]

    a, b = np.zeros(p.shape), np.zeros(p.shape)
    for y in range(20):
        for x in range(24):
            i, q = window(guide, y, x), window(p, y, x)
            a[y, x] = ((i * q).mean() - i.mean() * q.mean()) / (i.var() + FLAT)
            b[y, x] = q.mean() - a[y, x] * i.mean()
    expected = [
        [window(a, y, x).mean() * guide[y, x] + window(b, y, x).mean() for x in range(24)] for y in range(20)
    ]
    follow_edges(plane, frame)
    np.testing.assert_allclose(plane, expected, atol=1e-4)


@pytest.mark.parametrize("off", [-1, 1])
def test_an_edge_that_is_a_little_off_moves_to_that_of_the_frame(off):
    frame, plane = two_halves((576, 640)), np.zeros((576, 640), np.float32)
    plane[:, 320 + off :] = 1
    plane = soft(plane, 15)
    assert ((plane > 0.5) != (frame[..., 0] > 100)).any()
    follow_edges(plane, frame)  # it reaches 2 pixels
    np.testing.assert_array_equal(plane > 0.5, frame[..., 0] > 100)


def test_where_the_frame_is_flat_or_the_mask_is_sure_the_mask_stays():
    plane = np.zeros((144, 160), np.float32)
    plane[40:100, 30:120] = 1
    sure, flat = plane.copy(), soft(plane)
    follow_edges(sure, two_halves((144, 160)))
    np.testing.assert_array_equal(sure, plane)
    follow_edges(flat, np.full((144, 160, 3), 90, np.uint8))
    assert ((flat > 0.5) != (plane > 0.5)).mean() < 0.01


def test_labels_are_the_largest_of_objects_and_background():
    prob = torch.tensor([[0.6, 0.3, 0.2], [0.3, 0.4, 0.1]]).view(2, 1, 1, 3)
    prob = prob.repeat_interleave(24, 2).repeat_interleave(24, 3)
    frame = np.full((24, 72, 3), 128, np.uint8)
    assert to_label_map(prob, [7, 2], frame)[12, [8, 36, 64]].tolist() == [7, 2, 0]
    assert to_label_map(prob, [7, 2], frame, background=0.5)[12, [8, 36, 64]].tolist() == [7, 0, 0]
    assert not to_label_map(torch.zeros(0, 1, 24, 72), [], frame).any()
