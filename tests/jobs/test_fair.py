"""Turns: nobody waits for all that somebody else has asked for, and nobody may ask for everything."""

import pytest

from vos import sharing
from vos.errors import QueueFull
from vos.jobs.fair import place


def queue(running, *asked):
    waiting = []
    for number, visitor in enumerate(asked):
        waiting.insert(place([who for who, _ in waiting], running, visitor), (visitor, number))
    return waiting


def test_visitors_take_turns_and_keep_the_order_of_their_own():
    assert queue("a", "a", "a", "a", "b", "c", "b") == [
        ("b", 3), ("c", 4), ("a", 0), ("b", 5), ("a", 1), ("a", 2)
    ]  # fmt: skip


def test_where_nobody_shares_jobs_run_in_their_order():
    assert queue("", *[""] * 9) == [("", number) for number in range(9)]


def test_three_jobs_of_a_visitor_may_wait():
    with pytest.raises(QueueFull, match="3 of your jobs wait already; at most 3 can"):
        queue("a", "a", "b", "a", "a", "a")


def test_visitors_are_told_apart_only_where_the_dashboard_is_shared(monkeypatch):
    monkeypatch.setenv(sharing.TOKEN, "")
    assert sharing.visitor("10.0.0.7") == ""
    monkeypatch.setenv(sharing.TOKEN, "the-token")
    assert (sharing.visitor("10.0.0.7"), sharing.visitor(None)) == ("10.0.0.7", "here")
