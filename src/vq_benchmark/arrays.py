"""Names for the array types that all floors share."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IdArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.uint8]
