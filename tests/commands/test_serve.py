"""Sharing: the dashboard listens at one address, under exactly its names, with a token."""

import itertools
import os

import pytest

from vos import sharing
from vos.cli import main
from vos.commands import serve


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setenv(sharing.TOKEN, "")


def test_sharing_binds_one_address_and_allows_exactly_its_names(monkeypatch, capsys):
    monkeypatch.setattr(serve, "lan_address", lambda: "192.168.1.5")
    monkeypatch.setattr("socket.gethostname", lambda: "Laptop")
    words = serve._share(9000)
    allowed = [after for word, after in itertools.pairwise(words) if word == "--server.allowedHosts"]
    assert words[:2] == ["--server.address", "192.168.1.5"]
    assert allowed == ["192.168.1.5", "laptop", "laptop.local"]
    token = os.environ[sharing.TOKEN]
    assert len(token) >= 20
    assert f"http://192.168.1.5:9000/?token={token}" in capsys.readouterr().out
    assert sharing.may_change({sharing.COOKIE: token})
    assert not sharing.may_change({})


def test_sites_that_may_embed_are_named_as_browsers_name_them(monkeypatch, capsys):
    monkeypatch.setenv(sharing.EMBED, "")
    monkeypatch.setattr("runpy.run_module", lambda *_, **__: None)
    command = ["serve", "--embed-origin", "https://Films.example/", "--embed-origin", "http://localhost:9000"]
    assert main(command) == 0
    assert sharing.embedders() == ("https://films.example", "http://localhost:9000")
    for wrong in ("films.example", "https://a.example/path", "https://*", "*", "https://a b", "https://a;x"):
        assert main(["serve", "--embed-origin", wrong]) == 2
        assert "https://HOST or https://HOST:PORT is needed" in capsys.readouterr().err
