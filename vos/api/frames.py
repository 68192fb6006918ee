"""Single frames of uploaded clips as small JPEGs, for looking ahead on the timeline."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vos import jobs, uploads
from vos.api.answers import explained, problem
from vos.errors import VosError
from vos.video.read import open_clip
from vos.video.write import thumbnail

MAX_SIDE = 1920


@explained
def frame_picture(request: Request) -> Response:
    """Send a frame of an uploaded clip, its longer side at most ?width (320) pixels."""
    path = uploads.find(request.path_params["digest"], jobs.runner().store.folder / "uploads")
    if path is None:
        return problem(404, "there is no such clip; it may have been removed")
    try:
        side = min(int(request.query_params.get("width", 320)), MAX_SIDE)
        frame = open_clip(path).frame_at(request.path_params["frame"], side)
    except (VosError, ValueError) as error:
        return problem(422, str(error))
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(thumbnail(frame, max(16, side)), media_type="image/jpeg", headers=headers)


routes: list[BaseRoute] = [Route("/api/clips/{digest}/frames/{frame:int}.jpg", frame_picture)]
