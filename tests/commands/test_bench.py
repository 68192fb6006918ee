"""python -m vos bench: a row a run, with learning apart."""

import json

from vos.cli import main
from vos.commands import _bench_correction, bench
from vos.net.engines import osvos
from vos.types import Device, Job, Prompt
from vos.video import sample


def test_the_quick_bench_measures_every_stage(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(bench.SIZES, "480p", (96, 144))
    monkeypatch.setattr(bench, "FRAMES", 12)
    assert main(["bench", "--engine", "flow", "--quick", "--json", str(tmp_path / "bench.json")]) == 0
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert (row["engine"], row["size"], row["objects"], row["frames"]) == ("flow", "480p", 1, 12)
    assert row["learn_s"] == 0
    assert set(row["stages"]) == {*bench.STAGES, "end to end"}
    assert 0 < row["stages"]["end to end"] < min(row["stages"][stage] for stage in bench.STAGES)
    assert row["peak_mb"] > 50
    assert f"{row['stages']['segment']:.1f}" in capsys.readouterr().out


def test_a_correction_is_measured_beside_the_whole(capsys, monkeypatch):
    monkeypatch.setitem(bench.SIZES, "480p", (64, 96))
    monkeypatch.setattr(_bench_correction, "FRAMES", 12)
    monkeypatch.setattr(_bench_correction, "AT", 8)
    assert main(["bench", "--engine", "flow", "--correction"]) == 0
    engine, *_, share = capsys.readouterr().out.splitlines()[1].split()
    assert (engine, share[-1]) == ("flow", "%")
    assert int(share[:-1]) > 0


def test_learning_is_not_counted_as_segmenting(tmp_path, monkeypatch):
    monkeypatch.setitem(bench.SIZES, "480p", (64, 96))
    monkeypatch.setenv("VOS_CACHE", str(tmp_path / "cache"))
    _, mask = next(sample.frames(1, (64, 96)))
    options = osvos.Options(iterations=3, short_side=64)
    job = Job(bench._clip(tmp_path, "480p", 1, 3), "osvos", (Prompt(0, mask),), options)
    row = bench._alone(job, "480p", 1, Device())
    assert row.learn_s > 0
    assert 1 / row.stages["end to end"] > row.learn_s / row.frames


def test_an_option_that_an_engine_lacks_gets_one_sentence(capsys):
    assert main(["bench", "--engine", "flow", "--option", "mode=accurate"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "engine flow has no option 'mode'; it has:" in captured.err
