"""python -m vos correct: put a stored result right on some frames; what that does not change stays."""

from __future__ import annotations

import argparse
from pathlib import Path

from vos import plugins
from vos.commands import _clicks, _device, _out, _runs
from vos.commands.export import find
from vos.correct import merge_prompts
from vos.errors import InvalidInput
from vos.folders import results
from vos.options import read_kept_options
from vos.prompts.stored import prompts_of
from vos.store import Store
from vos.types import Job, Prompt
from vos.video.read import probe

HELP = "correct a stored result on some frames and track again from there"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("result", help="id of a result or the beginning of one, or a folder of `segment`")
    parser.add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="FRAME:FILE",
        help="what the objects that the mask names are on a frame; may be given several times",
    )
    _clicks.arguments(parser)
    parser.add_argument(
        "--blend",
        action="store_true",
        help="bend the frames before a correction towards it, back to the prompt before; default: they stay",
    )
    parser.add_argument("--clip", type=Path, help="the clip, where the store keeps a converted copy of it")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: TITLE_corrected_vos")
    _out.arguments(parser)
    _device.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Correct, then write the files as `segment` does."""
    with Store(results()) as store:
        base = find(store, args.result)
        args.clip = given = args.clip or base.files["source"]
        info = probe(given)
        if info.size_hw != base.info.size_hw:
            wanted = f"{base.info.width}x{base.info.height}"
            raise InvalidInput(
                f"{given.name} is {info.width}x{info.height}, the result {wanted}; "
                "name the clip it was made of with --clip"
            )
        out = args.out or Path(f"{base.title}_corrected_vos")
        _out.check(out, _runs.FACTS, overwrite=args.overwrite)
        job = Job(
            clip=given,
            engine=base.engine,
            prompts=merge_prompts(prompts_of(base), _given_prompts(args, info.size_hw)),
            options=read_kept_options(plugins.ENGINES, base.engine, base.options),
            title=base.title,
            names=dict(base.names),
            span=base.span,
            base=base.id,
            blend=args.blend,
        )
        digest = base.digest if given == base.files["source"] else None
        finished = _runs.run_job(job, store, args, info.frames, digest)
        _runs.write_files(finished, out, overwrite=args.overwrite)
    _runs.report(finished, out)
    return 0


def _given_prompts(args: argparse.Namespace, size_hw: tuple[int, int]) -> tuple[Prompt, ...]:
    given = [*_runs.read_prompts(args.prompt, size_hw), *_clicks.prompts(args)]
    said = _clicks.with_gone(args, given, size_hw)
    if not said:
        raise InvalidInput("a correction needs at least one --prompt, --click, --box or --gone")
    return said
