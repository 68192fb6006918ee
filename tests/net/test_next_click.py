import numpy as np

from vos.net.next_click import next_click


def empty():
    return np.zeros((40, 60), bool)


def test_the_first_click_is_in_the_middle_of_the_object():
    truth = empty()
    truth[10:21, 20:31] = True
    assert next_click(empty(), truth) == (25, 15, 1)


def test_the_next_click_is_deepest_in_the_largest_error_and_says_which_kind_it_is():
    truth, mask = empty(), empty()
    truth[10:21, 20:31] = mask[10:21, 20:31] = True
    truth[2:7, 2:7] = True  # missed, 5 pixels wide
    mask[30:37, 40:47] = True  # wrong, 7 wide
    assert next_click(mask, truth) == (43, 33, -1)
    mask[31:37, 40:47] = False
    assert next_click(mask, truth) == (4, 4, 1)


def test_the_frames_edge_is_an_edge():
    truth = empty()
    truth[:9, :9] = True
    assert next_click(empty(), truth) == (4, 4, 1)


def test_what_does_not_count_is_not_clicked():
    truth, counted = empty(), ~empty()
    truth[10:21, 20:31] = True
    counted[15, 25] = False
    x, y, sign = next_click(empty(), truth, counted)
    assert (x, y) != (25, 15)
    assert truth[int(y), int(x)]
    assert sign == 1
    assert next_click(truth, truth) == (0, 0, 0)
    assert next_click(empty(), truth, empty()) == (0, 0, 0)


def test_users_click_elsewhere_in_the_same_region():
    truth, mask = empty(), empty()
    truth[5:25, 5:45] = True
    mask[5:25, 5:12] = True
    rng = np.random.default_rng(0)
    found = {next_click(mask, truth, rng=rng) for _ in range(30)}
    assert len(found) > 10
    assert all(truth[int(y), int(x)] and not mask[int(y), int(x)] and sign == 1 for x, y, sign in found)
