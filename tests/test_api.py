"""The HTTP routes: health, files with Range, downloads, clear 404s."""

import io
import zipfile

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.testclient import TestClient

from tests.async_calls import run_async
from tests.rolling import COUNT, make_job
from vos import api, jobs
from vos.api import results
from vos.api.guard import Guard
from vos.errors import StorageUnavailable
from vos.jobs import JobRunner
from vos.store import Store


@pytest.fixture(scope="module")
def service(tmp_path_factory, clip):
    with Store(tmp_path_factory.mktemp("cache")) as store:
        runner = JobRunner(store)
        result_id = runner.submit(make_job(clip, 0, title='A "nice" clip/2'), "d")
        runner.wait(result_id, 60)
        yield runner, result_id
        runner.close()


@pytest.fixture
def client(service, monkeypatch):
    monkeypatch.setattr(jobs, "runner", lambda: service[0])
    guard = Middleware(Guard, hosts=["testserver", "::1"])
    return TestClient(Starlette(routes=api.routes, middleware=[guard]))


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
        ("/api", "there is nothing at /api"),
    ],
)
def test_what_is_not_there_is_404_with_a_sentence(client, url, path, sentence):
    answer = client.get(path.replace("RESULT", url))
    assert answer.status_code == 404
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "status", "cut"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=500-", 206, slice(500, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("bytes=5-2", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_ranges_are_answered_as_http_says(client, url, asked, status, cut):
    whole = client.get(f"{url}/overlay.mp4").content
    answer = client.get(f"{url}/overlay.mp4", headers={"Range": asked})
    assert answer.status_code == status
    if cut:
        assert answer.content == whole[cut]
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_a_part_of_another_file_is_never_taken_for_this_one(client, url):
    tag = client.head(f"{url}/overlay.mp4").headers["etag"]
    first = {"Range": "bytes=0-9"}
    assert client.get(f"{url}/overlay.mp4", headers=first | {"If-Range": tag}).status_code == 206
    assert client.get(f"{url}/overlay.mp4", headers=first | {"If-Range": '"old"'}).status_code == 200


def test_a_file_that_is_being_sent_reaches_its_end_though_its_result_is_deleted(
    clip,
    tmp_path,
    monkeypatch,
):
    with Store(tmp_path) as store:
        runner = JobRunner(store)
        monkeypatch.setattr(jobs, "runner", lambda: runner)
        result_id = runner.submit(make_job(clip, 0), "d")
        runner.wait(result_id, 60)
        whole = store.get(result_id).files["overlay"].read_bytes()
        parameters = {"result_id": result_id, "file": "overlay.mp4"}
        scope = {
            "type": "http",
            "method": "GET",
            "headers": [],
            "query_string": b"",
            "path_params": parameters,
        }
        response = results.result_file(Request(scope))
        store.delete(result_id)
        got = bytearray()

        async def send(message):
            got.extend(message.get("body", b""))

        async def receive():
            await anyio.sleep_forever()

        run_async(response, scope, receive, send)
        assert got == whole
        assert results.result_file(Request(scope)).status_code == 404
        runner.close()


def test_how_far_a_job_is_and_its_newest_frame_are_told_to_the_page(client, service):
    facts = client.get(f"/api/jobs/{service[1]}/progress.json").json()
    assert (facts["active"], facts["share"], facts["newest"]) == (False, 1.0, COUNT)
    assert f"frame {COUNT} of {COUNT}" in facts["text"]
    picture = client.get(f"/api/jobs/{service[1]}/newest.jpg")
    assert picture.status_code == 404 or picture.content.startswith(b"\xff\xd8")
    assert client.get(f"/api/jobs/{'f' * 64}/progress.json").status_code == 404


def test_health_says_in_a_sentence_that_results_cannot_be_kept(client, monkeypatch):
    def broken():
        raise StorageUnavailable("the folder /nowhere cannot be read")

    monkeypatch.setattr(jobs, "runner", broken)
    answer = client.get("/api/health")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the folder /nowhere cannot be read")
