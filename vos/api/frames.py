"""Single frames of uploaded clips as small JPEGs, for looking ahead on the timeline."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vos import uploads
from vos.errors import VosError
from vos.jobs import runner
from vos.video.read import open_clip
from vos.video.write import thumbnail

MAX_SIDE = 1920


def frame_picture(request: Request) -> Response:
    """Send a frame of an uploaded clip, its longer side at most ?width (320) pixels."""
    path = uploads.find(request.path_params["digest"], runner().store.folder / "uploads")
    if path is None:
        return JSONResponse({"error": "there is no such clip; it may have been removed"}, status_code=404)
    try:
        side = min(int(request.query_params.get("width", 320)), MAX_SIDE)
        frame = next(iter(open_clip(path).sample([request.path_params["frame"]])))
    except (VosError, ValueError) as error:
        return JSONResponse({"error": str(error)}, status_code=422)
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(thumbnail(frame, max(16, side)), media_type="image/jpeg", headers=headers)


routes: list[BaseRoute] = [Route("/api/clips/{digest}/frames/{frame:int}.jpg", frame_picture)]
