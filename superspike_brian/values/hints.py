"""Names for the types of arrays in type hints; shapes and units stand in the docstrings."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Booleans: TypeAlias = NDArray[np.bool_]
State: TypeAlias = dict[str, Array]  # ``object.variable`` to values in SI units
Report: TypeAlias = Callable[[str], object]  # receives a line for a person
Progress: TypeAlias = Callable[[float], object]  # receives the completed fraction
