import math

import numpy as np
import pytest
import torch

from vos.net.train.losses import bootstrapped, class_balanced, normalised_focal, soft_dice, within

LOGITS = np.array([[[[2.0, -1.0], [0.5, -3.0]]], [[[0.0, 4.0], [-2.0, 1.0]]]])
TRUTH = np.array([[[[1.0, 1.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])


def cross_entropy(logit, truth):
    prob = 1 / (1 + math.exp(-logit))
    return -math.log(prob if truth else 1 - prob)


def test_bootstrapped_is_the_mean_over_each_masks_hardest_pixels():
    hardest = []
    for logits, truth in zip(LOGITS.reshape(2, 4), TRUTH.reshape(2, 4), strict=True):
        hardest += sorted((cross_entropy(a, b) for a, b in zip(logits, truth, strict=True)), reverse=True)[:2]
    loss = bootstrapped(torch.tensor(LOGITS), torch.tensor(TRUTH), 0.5)
    assert loss.item() == pytest.approx(sum(hardest) / 4)


def test_within_is_the_mean_over_the_chosen_pixels_and_few_of_them_count_less():
    where = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]]).double()
    chosen = cross_entropy(2.0, 1) + cross_entropy(0.5, 0)
    loss = within(torch.tensor(LOGITS), torch.tensor(TRUTH), where, least=0.25)
    assert loss.item() == pytest.approx((chosen / (2 + 0.25 * 4) + 0) / 2)


def test_soft_dice_is_its_formula_and_learnable_for_an_empty_mask():
    expected = []
    for logits, truth in zip(LOGITS.reshape(2, 4), TRUTH.reshape(2, 4), strict=True):
        prob = 1 / (1 + np.exp(-logits))
        expected.append(1 - (2 * (prob * truth).sum() + 1) / (prob.sum() + truth.sum() + 1))
    logits = torch.tensor(LOGITS, requires_grad=True)
    loss = soft_dice(logits, torch.tensor(TRUTH))
    loss.backward()
    assert loss.item() == pytest.approx(sum(expected) / 2)
    assert (logits.grad[1] > 0).all()


def test_class_balanced_is_its_formula_over_the_pixels_that_count():
    counted = np.array([[[[1.0, 1.0], [1.0, 0.0]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    truth = np.array([[[[1.0, 1.0], [0.0, 0.0]]], [[[0.0, 1.0], [0.0, 0.0]]]])
    expected = []
    for maps in zip(LOGITS.reshape(2, 4), truth.reshape(2, 4), counted.reshape(2, 4), strict=True):
        pixels = [(logit, real) for logit, real, counts in zip(*maps, strict=True) if counts]
        beta = sum(real == 0 for _, real in pixels) / len(pixels)
        positive = sum(cross_entropy(logit, real) for logit, real in pixels if real)
        negative = sum(cross_entropy(logit, real) for logit, real in pixels if not real)
        expected.append((beta * positive + (1 - beta) * negative) / len(pixels))
    loss = class_balanced(*map(torch.tensor, (LOGITS, truth, counted)))
    assert loss.item() == pytest.approx(np.mean(expected))
    alone = class_balanced(torch.tensor(LOGITS[1:]), torch.tensor(truth[1:]))
    assert alone.item() == pytest.approx(expected[1])


def test_class_balanced_teaches_a_mask_of_one_class():
    logits = torch.tensor(LOGITS, requires_grad=True)
    class_balanced(logits, torch.ones(LOGITS.shape, dtype=torch.float64)).backward()
    assert (logits.grad < 0).all()


def test_normalised_focal_weighs_pixels_by_how_wrong_they_are():
    logits, truth = LOGITS, (LOGITS > 0.2).astype(float)
    truth[0, 0, 0, 1] = 1
    p = np.where(truth > 0, 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits)))
    weights = (1 - p) ** 2
    expected = np.mean([(w * -np.log(q)).sum() / max(w.sum(), 1) for w, q in zip(weights, p, strict=True)])
    got = normalised_focal(torch.from_numpy(logits), torch.from_numpy(truth))
    assert got.item() == pytest.approx(expected, rel=1e-6)
