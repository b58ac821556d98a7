"""What runs a state: the interface that the compiled `Program` and the `RuntimeProgram` share."""

from collections.abc import Generator, Iterable, Sequence
from typing import Protocol

from ..values.hints import Progress, State


class Runner(Protocol):
    """Takes a state, returns the next one; `superspike_brian.engine.program.Program` describes the arguments."""

    build_seconds: float

    def run(
        self,
        state: State,
        start: int,
        n_steps: int,
        probe: bool | Sequence[tuple[int, int]] = False,
        progress: Progress | None = None,
    ) -> tuple[State, State]:
        """Continue from a state; return the state and the records at the end."""

    def blocks(
        self,
        start: int,
        plan: Iterable[tuple[int, State]],
        probe: bool | Sequence[tuple[int, int]] = False,
        progress: Progress | None = None,
    ) -> Generator[tuple[State, State], None, None]:
        """Run block after block; yield state and records of each."""
