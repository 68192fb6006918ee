"""What the player of a result reads: its facts as JSON, and its packed masks with Range."""

from __future__ import annotations

import json
import struct

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vos import jobs
from vos.api.answers import GONE, explained, problem, send_file
from vos.doubts import DOUBTFUL
from vos.errors import InvalidInput
from vos.types import Result
from vos.video.draw import hex_colour
from vos.video.finish import finish_at, read_finish
from vos.video.masks import MaskReader, pack
from vos.video.picture import TICKS
from vos.video.read import open_clip

CACHED = {"Cache-Control": "private, max-age=3600"}
MOST_FINISHED = 32  # masks in one answer


def player_facts(result: Result) -> dict[str, object]:
    """Return what pages/player needs to know of a result; times in seconds from the first frame."""
    film = open_clip(result.files["overlay"])
    confidence = json.loads(result.files["confidence"].read_text())
    address = f"/api/results/{result.id}"
    version = f"?v={int(result.created)}"
    return {
        "video": f"{address}/source.mp4{version}",
        "masks": f"{address}/masks.bin{version}",
        "finished": f"{address}/finished.bin",
        "times": [round(pts / TICKS, 6) for pts in film.times()],
        "end": film.info.duration_s,
        "confidence": confidence,
        "doubtful": find_doubtful(confidence),
        "prompts": list(result.prompt_frames),
        "sound": bool(result.info.audio_codec),
        "objects": [{"id": i, "name": result.name(i), "colour": hex_colour(i)} for i in result.objects],
    }


def find_doubtful(confidence: list[float | None]) -> list[tuple[int, int]]:
    """Return the stretches of frames, first and last, on which an engine was not sure."""
    stretches: list[tuple[int, int]] = []
    for frame, sure in enumerate(confidence):
        if sure is None or sure >= DOUBTFUL:
            continue
        if stretches and stretches[-1][1] == frame - 1:
            stretches[-1] = stretches[-1][0], frame
        else:
            stretches.append((frame, frame))
    return stretches


@explained
def facts(request: Request) -> Response:
    """Send the facts."""
    result = jobs.runner().store.get(request.path_params["result_id"])
    if result is None:
        return problem(404, GONE)
    return JSONResponse(player_facts(result), headers={"Cache-Control": "no-cache"})


@explained
def masks(request: Request) -> Response:
    """Send the packed masks, or a range of their bytes."""
    file = jobs.runner().store.open_file(request.path_params["result_id"], "masks")
    if file is None:
        return problem(404, GONE)
    return send_file(request, file, "application/octet-stream", CACHED)


@explained
def finished(request: Request) -> Response:
    """Send some masks with finishing touches: of each its length (uint32, little endian) and it, packed."""
    result = jobs.runner().store.get(request.path_params["result_id"])
    if result is None:
        return problem(404, GONE)
    try:
        asked = dict(request.query_params)
        first, count = int(asked.pop("first", 0)), int(asked.pop("count", 1))
        finish = read_finish(asked)
    except (ValueError, InvalidInput) as error:
        return problem(422, str(error))
    with MaskReader(result.files["masks"]) as stored:
        frames = range(max(0, first), min(len(stored), first + min(count, MOST_FINISHED)))
        packed = [pack(finish_at(stored, frame, finish)) for frame in frames]
    body = b"".join(struct.pack("<I", len(data)) + data for data in packed)
    return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


routes: list[BaseRoute] = [
    Route("/api/results/{result_id}/player.json", facts),
    Route("/api/results/{result_id}/masks.bin", masks),
    Route("/api/results/{result_id}/finished.bin", finished),
]
