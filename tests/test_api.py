"""The HTTP routes: health, files with Range, downloads, clear 404s."""

import io
import zipfile

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.test_segment import COUNT, clip, make_job  # noqa: F401 (a fixture)
from vos import api
from vos.jobs import JobRunner
from vos.store import Store


@pytest.fixture(scope="module")
def service(tmp_path_factory, clip):  # noqa: F811
    with Store(tmp_path_factory.mktemp("cache")) as store:
        runner = JobRunner(store)
        result_id = runner.submit(make_job(clip, 0, title='A "nice" clip/2'), "d")
        runner.wait(result_id, 60)
        yield runner, result_id
        runner.close()


@pytest.fixture
def client(service, monkeypatch):
    monkeypatch.setattr(api, "runner", lambda: service[0])
    return TestClient(Starlette(routes=api.routes))


@pytest.fixture
def url(service):
    return f"/api/results/{service[1]}"


def test_health_names_the_engines(client):
    answer = client.get("/api/health").json()
    assert answer["status"] == "ok"
    assert {"memory", "flow"} <= set(answer["engines"])


def test_a_video_is_sent_in_the_parts_asked_for(client, url):
    whole = client.get(f"{url}/overlay.mp4")
    part = client.get(f"{url}/overlay.mp4", headers={"Range": "bytes=100-299"})
    assert (whole.status_code, part.status_code) == (200, 206)
    assert whole.headers["content-type"] == "video/mp4"
    assert part.content == whole.content[100:300]
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole.content)}"


def test_a_download_is_named_after_the_title(client, url):
    answer = client.get(f"{url}/trajectory.csv?download=1")
    assert answer.text.startswith("frame,object,name,centre_y")
    assert "A _nice_ clip_2_trajectory.csv" in answer.headers["content-disposition"].replace("%20", " ")


def test_the_masks_come_as_a_zip_and_leave_nothing_behind(client, url, service):
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{url}/davis_png.zip").content))
    assert archive.namelist() == [f"{index:05d}.png" for index in range(COUNT)]
    assert list((service[0].store.folder / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/api/results/none/overlay.mp4", "there is no such result"),
        ("RESULT/secret.txt", "a result has no file 'secret.txt'; it has: overlay.mp4"),
        ("RESULT/..%2f..%2fcache.db", "nothing at"),
        ("/api/nothing", "there is nothing at /api/nothing"),
    ],
)
def test_what_is_not_there_is_404_with_a_sentence(client, url, path, sentence):
    answer = client.get(path.replace("RESULT", url))
    assert answer.status_code == 404
    assert sentence in answer.json()["error"]
