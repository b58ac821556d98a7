"""What runs a state: the interface that the compiled `Program` and the `RuntimeProgram` share."""

from collections.abc import Generator, Iterable, Sequence
from typing import Protocol, TypeAlias

from ..values.hints import Progress, State

Plan: TypeAlias = Iterable[tuple[int, State]]  # time steps of each block, and the arrays that change at its start
Probed: TypeAlias = bool | Sequence[tuple[int, int]]  # whether probes record, or in which steps
Ended: TypeAlias = tuple[State, State]  # state and records after a block


class Runner(Protocol):
    """Takes a state, returns the next one; `superspike_brian.engine.program.Program` describes the arguments."""

    build_seconds: float

    def run(
        self, state: State, start: int, n_steps: int, probe: Probed = False, progress: Progress | None = None
    ) -> Ended:
        """Continue from a state; return the state and the records at the end."""

    def blocks(
        self, start: int, plan: Plan, probe: Probed = False, progress: Progress | None = None
    ) -> Generator[Ended, None, None]:
        """Run block after block; yield state and records of each."""
