"""REST: a clip in, a job or its result out; lists, masks, exports, refusals."""

import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from tests.rolling import COUNT, make_job
from vos import api, jobs, sharing
from vos.api import form
from vos.api.guard import Guard
from vos.jobs import JobRunner
from vos.net.engines import flow
from vos.store import Store
from vos.video.masks import MaskReader, encode_png

OURS = {"X-VOS-Request": "1"}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("cache")) as store:
        runner = JobRunner(store)
        yield runner
        runner.close()
        assert store.check() == []


@pytest.fixture
def client(runner, monkeypatch):
    monkeypatch.setattr(jobs, "runner", lambda: runner)
    guard = Middleware(Guard, hosts=["testserver"])
    return TestClient(Starlette(routes=api.routes, middleware=[guard]), headers=OURS)


def mask_png(clip, value=255):
    return encode_png((make_job(clip, 0).prompts[0].mask > 0).astype(np.uint8) * value)


def ask(client, clip, wait="1", **fields):
    files = [("clip", ("My clip.mp4", clip.read_bytes())), ("mask", ("m.png", mask_png(clip, 1)))]
    data = {"engine": "flow", "title": "A disk", "names": '{"1": "Disk"}'} | fields
    return client.post(f"/api/infer?wait={wait}", files=files, data=data)


@pytest.fixture
def result(client, clip):
    """A stored result, as JSON."""
    result_id = ask(client, clip).headers["X-VOS-Result"]
    return client.get(f"/api/results/{result_id}").json()


def until_over(client, job):
    for _ in range(3000):
        job = client.get(job["links"]["self"]).json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.01)
    raise AssertionError(job)


def test_a_clip_and_a_mask_come_back_as_the_rendered_video_with_its_facts(client, clip, runner):
    answer = ask(client, clip)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    facts = {name: answer.headers[f"x-vos-{name}"] for name in ("engine", "frames", "visible")}
    stored = runner.store.get(answer.headers["x-vos-result"])
    assert facts == {"engine": "flow", "frames": str(COUNT), "visible": json.dumps({"1": stored.visible[1]})}
    assert answer.content == stored.files["overlay"].read_bytes()
    assert (stored.title, stored.name(1)) == ("A disk", "Disk")
    assert not [*(runner.store.folder / "work").iterdir()]


def test_without_waiting_it_is_a_job_and_the_same_again_is_the_result_at_once(client, clip):
    answer = ask(client, clip, wait="0", options='{"preset": "fast"}')
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == job["links"]["self"] == f"/api/jobs/{job['id']}"
    assert job["id"] in [other["id"] for other in client.get("/api/jobs").json()]
    with client.stream("GET", job["links"]["events"]) as events:
        told = [json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    again = ask(client, clip, wait="0", options='{"preset": "fast"}')
    assert (again.status_code, again.json()["id"]) == (200, told[-1]["result_id"])
    assert again.json()["options"] == {"preset": "fast"}


def test_an_uploaded_clip_is_named_by_its_digest_and_masks_by_their_frames(client, clip, runner):
    digest = client.post("/api/uploads?name=a.mp4", content=clip.read_bytes()).json()["digest"]
    mask = make_job(clip, 3).prompts[0].mask > 0
    data = {"digest": digest, "engine": "flow"}
    answer = client.post(
        "/api/infer?wait=1", files={"mask[3]": ("m.png", encode_png(mask.astype(np.uint8)))}, data=data
    )
    stored = runner.store.get(answer.headers["x-vos-result"])
    assert (stored.prompt_frames, stored.digest) == ((3,), digest)
    with MaskReader(stored.files["masks"]) as masks:
        assert np.array_equal(masks[3] > 0, mask)


def test_a_result_gives_its_parts(client, clip, result, runner):
    links = result["links"]
    stored = runner.store.get(result["id"])
    part = client.get(links["video"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, stored.files["overlay"].read_bytes()[10:20])
    source = client.get(f"{links['video']}?which=source").content
    assert source == stored.files["source"].read_bytes()
    archive = zipfile.ZipFile(io.BytesIO(client.get(links["masks"]).content))
    frame = client.get(f"{links['masks']}/4.png")
    assert archive.read("00004.png") == frame.content
    with MaskReader(stored.files["masks"]) as masks:
        assert np.array_equal(np.array(Image.open(io.BytesIO(frame.content))), masks[4])
    again = client.get(f"{links['masks']}/4.png", headers={"If-None-Match": frame.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(links["trajectory"]).text.startswith("frame,object,name")
    assert client.get(f"{links['trajectory']}?format=json").json()
    assert client.get(f"{links['masks']}/{COUNT}.png").status_code == 404


def test_results_are_listed_by_pages_and_found_by_names_of_objects(client, result):
    found = client.get("/api/results?search=DISK&limit=1").json()
    assert [row["title"] for row in found["results"]] == ["A disk"]
    assert found["total"] >= 1
    assert ("next" in found["links"]) == (found["total"] > 1)
    assert client.get("/api/results?sort=x").status_code == 422


def test_an_export_is_a_job_with_a_file(client, result):
    address = f"{result['links']['self']}/exports/mots_txt"
    assert client.get(address).status_code == 404
    answer = client.post(address, json={"options": {"every": 2}, "finish": {"grow": 1}})
    assert answer.status_code == 202
    job = until_over(client, answer.json())
    assert (job["kind"], job["state"], job["error"]) == ("export", "done", "")
    file = client.get(job["links"]["file"])
    assert len(file.text.splitlines()) == len(range(0, COUNT, 2))
    assert "attachment" in file.headers["content-disposition"]
    assert client.post(address, json={"options": {"every": 2}, "finish": {"grow": 1}}).status_code == 200
    assert client.get(f"{address}?key=export-mots_txt-0").status_code == 404
    kept = client.put(f"{result['links']['self']}/finish", json={"grow": 1, "holes": True})
    assert (kept.status_code, kept.json()["finish"]) == (200, {"grow": 1, "holes": True})
    named = client.post(address, json={"finish": {"grow": 1, "holes": True}}).json()["id"]
    assert client.post(address).json()["id"] == named
    assert client.post(address, json={"finish": {}}).json()["id"] != named
    assert client.put(f"{result['links']['self']}/finish", json={"grow": 99}).status_code == 422
    assert client.put(f"{result['links']['self']}/finish", json={}).json()["finish"] == {}


def test_an_export_never_reads_a_path_that_a_request_names(client, result, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (4, 4)).save(secret)
    address = f"{result['links']['self']}/exports/background"
    answer = client.post(address, json={"options": {"behind": "picture", "picture": str(secret)}})
    assert answer.status_code == 422
    assert "the sha256 of an upload is needed" in answer.json()["detail"]


def test_a_correction_is_another_result_and_keeps_the_first(client, clip, result):
    mask = make_job(clip, 6).prompts[0].mask > 0
    answer = client.post(
        f"{result['links']['self']}/corrections",
        files={"mask[6]": ("m.png", encode_png(mask.astype(np.uint8)))},
    )
    assert answer.status_code in (200, 202), answer.text
    corrected = answer.json()
    if answer.status_code == 202:
        job = until_over(client, answer.json())
        assert job["error"] == ""
        corrected = client.get(job["links"]["result"]).json()
    assert (corrected["parent"], corrected["prompt_frames"]) == (result["id"], [0, 6])
    assert client.get(result["links"]["self"]).status_code == 200
    answer = client.post(f"{result['links']['self']}/corrections", files={"gone": (None, "9")})
    job = until_over(client, answer.json()) if answer.status_code == 202 else answer.json()
    links = client.get(job["links"]["result"]).json()["links"] if "kind" in job else job["links"]
    seen = [np.array(Image.open(io.BytesIO(client.get(f"{links['masks']}/{i}.png").content))) for i in (8, 9)]
    assert [bool(mask.any()) for mask in seen] == [True, False]
    nothing = client.post(f"{result['links']['self']}/corrections", files={"title": (None, "x")})
    assert nothing.status_code == 422


def test_a_deleted_result_is_gone(client, clip):
    gone = ask(client, clip, names='{"1": "Gone"}', options='{"preset": "medium"}').headers["x-vos-result"]
    assert client.delete(f"/api/results/{gone}").status_code == 204
    assert client.get(f"/api/results/{gone}").status_code == 404
    assert client.delete(f"/api/results/{gone}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "files", "sentence"),
    [
        ({}, ["mask"], "neither a clip nor the digest"),
        ({"engine": "x"}, ["clip", "mask"], "no engine is called 'x'"),
        ({"engine": "flow"}, ["clip"], "needs a mask on at least one frame"),
        ({"engine": "flow", "options": '{"x": 1}'}, ["clip", "mask"], "has no option 'x'"),
        ({"options": "["}, ["clip", "mask"], "options is no JSON"),
        ({"colour": "red"}, ["clip", "mask"], "the form has a field 'colour'; allowed are: clip"),
        ({"click": "here"}, ["clip"], "a click is FRAME:X,Y"),
        ({}, ["clip", "mask[x]"], "masks are mask or mask[FRAME]"),
        ({"engine": "flow"}, ["clip", "mask[99]"], "prompt frame 99 is outside 0..11"),
    ],
)
def test_what_cannot_be_right_is_a_problem_with_a_sentence(client, clip, runner, fields, files, sentence):
    content = {"clip": clip.read_bytes()}
    sent = [(name, (name, content.get(name, mask_png(clip, 1)))) for name in files]
    answer = client.post("/api/infer", data=fields, files=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert sentence in problem["detail"]
    assert problem["status"] == 422
    assert problem["title"].startswith("Unprocessable")  # its second word differs between Pythons
    assert not [*(runner.store.folder / "work").iterdir()]


def test_a_broken_form_leaves_nothing(client, clip, runner, monkeypatch):
    before = sorted((runner.store.folder / "uploads").iterdir())
    head = b'--b\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (head + b"data", b"nonsense", b""):
        assert client.post("/api/infer", content=body, headers=kind).status_code == 422
    assert client.post("/api/infer", json={}).status_code == 422
    monkeypatch.setattr(form, "FIELD_BYTES", 10)
    assert "at most" in client.post("/api/infer", files={"title": (None, "x" * 11)}).json()["detail"]
    assert sorted((runner.store.folder / "uploads").iterdir()) == before
    assert not [*(runner.store.folder / "work").iterdir()]


@pytest.mark.parametrize(
    "headers",
    [{}, OURS | {"Origin": "http://evil.example"}, OURS | {"Sec-Fetch-Site": "cross-site"}],
)
def test_other_sites_change_nothing(client, result, headers):
    del client.headers["X-VOS-Request"]
    for method, address in (("POST", "/api/infer"), ("DELETE", result["links"]["self"])):
        assert client.request(method, address, headers=headers).status_code == 403
    assert client.get(result["links"]["self"]).status_code == 200


def test_a_token_that_is_set_is_needed_and_passes_a_shared_dashboard(client, clip, result, monkeypatch):
    monkeypatch.setenv(sharing.API_TOKEN, "secret")
    assert client.delete(result["links"]["self"]).status_code == 403
    assert client.delete(result["links"]["self"], headers={"Authorization": "Bearer no"}).status_code == 403
    monkeypatch.setenv(sharing.TOKEN, "other")
    client.headers["Authorization"] = "Bearer secret"
    assert ask(client, clip).status_code == 200
    assert client.delete("/api/results/" + "f" * 64).status_code == 404


def test_a_method_that_a_path_does_not_have_is_told_which_it_has(client):
    answer = client.put("/api/jobs", content=b"")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["detail"] == "PUT is not for /api/jobs; allowed are: GET, HEAD"


def test_engines_and_exports_tell_their_options(client):
    engines = {engine["name"]: engine for engine in client.get("/api/engines").json()}
    assert engines["flow"]["title"] == flow.TITLE
    (preset,) = [option for option in engines["flow"]["options"] if option["name"] == "preset"]
    assert (preset["type"], preset["default"]) == ("str", flow.Options().preset)
    assert {export["name"] for export in client.get("/api/exports").json()} >= {"coco", "webm"}


def test_a_job_can_be_cancelled_and_forgotten(client, result):
    job_id = result["id"]
    assert client.delete(f"/api/jobs/{job_id}").json()["state"] == "done"
    assert client.get(f"/api/jobs/{job_id}").status_code == 404
    assert client.get("/api/jobs/x").status_code == 404


def test_every_operation_is_described_and_shown(client):
    document = client.get("/api/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert {("post", "/api/infer"), ("get", "/api/results/{result_id}/masks/{frame}.png")} <= described
    page = client.get("/api/docs").text
    assert all(f"<code>{path}</code>" in page for _, path in described)
    assert "<script" not in page


def test_the_client_of_the_docs_works(client, clip, tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "mask.png").write_bytes(mask_png(clip, 1))
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    code = text.partition("```python\n")[2].partition("```")[0]
    code = code.replace('"http://localhost:8501"', '"http://testserver"').replace(
        '{"title": "My clip"}', '{"title": "My clip", "engine": "flow"}'
    )
    monkeypatch.setattr("requests.Session", lambda: client)
    exec(compile(code, "docs/api.md", "exec"), {})
    assert len(zipfile.ZipFile(tmp_path / "masks.zip").namelist()) == COUNT


def test_a_result_is_named_pinned_and_tagged_and_found_by_that(client, result):
    address = f"/api/results/{result['id']}"
    body = {"title": " Rolling ", "names": {"1": "Wheel"}, "pinned": True, "tags": ["b", "a  b"]}
    answer = client.patch(address, json=body).json()
    assert (answer["title"], answer["names"]["1"]) == ("Rolling", "Wheel")
    assert client.patch(address, json={}).json() == client.get(address).json()
    (row,) = client.get("/api/results", params={"tag": "a b", "pinned": "1"}).json()["results"]
    assert (row["id"], row["pinned"], row["tags"]) == (result["id"], True, ["a b", "b"])
    assert client.patch(address, json={"tags": [], "pinned": False}).json()["tags"] == []
    assert client.get("/api/results", params={"tag": "b"}).json()["total"] == 0
    for wrong in ({"tags": "a"}, {"tags": [""]}, {"pinned": 1}, {"title": " "}, {"names": []}, {"id": "x"}):
        assert client.patch(address, json=wrong).status_code == 422
    assert client.patch(address, json={"title": result["title"], "names": result["names"]}).status_code == 200


def test_several_results_come_in_one_zip_with_the_files_that_segment_writes(client, clip, result, runner):
    other = ask(client, clip, options='{"preset": "fast"}').headers["X-VOS-Result"]
    answer = client.get("/api/results.zip", params={"id": [result["id"], other, "f" * 64]})
    assert answer.headers["content-disposition"].endswith("2%20results.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        tops = {name.partition("/")[0] for name in archive.namelist()}
        assert tops == {f"A disk_{result['id'][:8]}", f"A disk_{other[:8]}"}
        stored, top = runner.store.get(other), f"A disk_{other[:8]}"
        assert archive.read(f"{top}/overlay.mp4") == stored.files["overlay"].read_bytes()
        with MaskReader(stored.files["masks"]) as masks:
            assert archive.read(f"{top}/masks/{COUNT - 1:05d}.png") == encode_png(masks[COUNT - 1])
        assert json.loads(archive.read(f"{top}/result.json"))["id"] == other
        assert archive.read(f"{top}/trajectory.csv").count(b"\n") > COUNT
    assert client.get("/api/results.zip", params={"id": "f" * 64}).status_code == 404
    assert client.get("/api/results.zip").status_code == 422
    assert not [*(runner.store.folder / "work").iterdir()]
