"""Seconds from the call of a command to its first simulated step, by phase; run in a process of its own (see `felt.start`)."""

import json
import sys
import time

ARGV = ["run", "spike-timing", "--precision", "double"]


def main(called: float, build_dir: str) -> dict[str, float]:
    """Go the way of ``superspike run spike-timing`` up to its first steps.

    Parameters
    ----------
    called : float
        When this process was asked for (s, `time.time`).
    build_dir : str
        Where programs are built, or are.

    Returns
    -------
    dict of str to float
        Seconds of each phase.
    """
    ends = {}

    def mark(phase):
        ends[phase] = time.time()

    from ..cli.main import parse

    args = parse([*ARGV, "--build-dir", build_dir])
    from ..cli.options import machine, make_spec
    from ..console.progress import Silent
    from ..engine import cache, compiler
    from ..network.initial import initial_state
    from ..runs.training import make_program

    mark("import")
    spec = make_spec(args)
    state = initial_state(spec.structure, spec.task, spec.seed)
    mark("check")

    def compiled(*arguments):
        mark("generate")
        return compiler.compile_program(*arguments)

    setattr(cache, "compile_program", compiled)  # noqa: B010
    program = make_program(spec, machine(args), Silent())
    ends.setdefault("generate", time.time())
    mark("compile")
    program.run(state, 0, 125)
    mark("run")
    return dict(zip(ends, (b - a for a, b in zip([called, *ends.values()], ends.values(), strict=False)), strict=True))


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), sys.argv[2])))
