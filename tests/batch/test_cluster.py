"""A local Ray cluster of two workers: every clip comes back, though a worker is killed in the middle."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from vos.batch.clip import Settings
from vos.batch.cluster import run_cluster
from vos.batch.tasks import find
from vos.errors import InvalidInput
from vos.net.engines import flow
from vos.store import Store

ROOT = Path(__file__).parents[2]


def test_without_ray_it_is_a_sentence(tmp_path, clip, monkeypatch):
    shutil.copyfile(clip, tmp_path / "a.mp4")
    settings = Settings("flow", flow.Options(), tmp_path / "store", tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidInput, match=r"--ray needs the extra cluster: pip install"):
        list(run_cluster(find(tmp_path, None)[0], settings, "127.0.0.1:1"))


def test_without_a_cluster_it_is_a_sentence(tmp_path, clip):
    pytest.importorskip("ray", reason="needs the extra: pip install '.[cluster]'")
    shutil.copyfile(clip, tmp_path / "a.mp4")
    settings = Settings("flow", flow.Options(), tmp_path / "store", tmp_path)
    with pytest.raises(InvalidInput, match="there is no Ray cluster at 127"):
        list(run_cluster(find(tmp_path, None)[0], settings, "127.0.0.1:1"))


@pytest.fixture
def cluster(monkeypatch):
    pytest.importorskip("ray", reason="needs the extra: pip install '.[cluster]'")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    yield cluster
    import ray

    ray.shutdown()
    cluster.shutdown()


def busy():
    """Return the processes that segment a clip at this moment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            name = path.read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::segment_there"):
            found.append(int(path.parent.name))
    return found


def test_clips_come_back_from_two_workers_though_one_is_killed(cluster, tmp_path, clip, mask):
    clips, masks = tmp_path / "clips", tmp_path / "masks"
    for folder in (clips, masks, tmp_path / "out"):
        folder.mkdir()
    for name in "abcd":
        content = clip.read_bytes() + name.encode()  # another clip for each, that reads alike
        (clips / f"{name}.mp4").write_bytes(content)
        shutil.copyfile(mask, masks / f"{name}.png")
    (clips / "broken.mp4").write_bytes(b"x")
    tasks, _ = find(clips, masks)
    settings = Settings("flow", flow.Options(), tmp_path / "store", tmp_path / "out")
    states, killed = {}, []
    for outcome in run_cluster(tasks, settings, cluster.address):
        states[outcome.name] = outcome.state
        while not killed:  # the first that is told of is broken.mp4, while others are on their way
            killed = busy()[:1]
            time.sleep(0.01)
            for process_id in killed:
                os.kill(process_id, signal.SIGKILL)
    assert states == dict.fromkeys("abcd", "done") | {"broken": "failed"}
    with Store(settings.store) as store:
        assert store.count() == 4
        assert store.check() == []
    assert {outcome.state for outcome in run_cluster(tasks, settings, cluster.address)} == {
        "cached",
        "failed",
    }
