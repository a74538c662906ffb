"""The score scale: points from calibrated log-odds, and back.

score = base_score + pdo / ln 2 * (ln(goods per bad) - ln(base_odds)); higher = safer. The scale
is drawn from 300 to 850 and never clipped, for clipping would break the sum of contributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from credit_core.config import ScaleConfig

FloatArray = NDArray[np.float64]
DRAWN = (300, 850)


@dataclass(frozen=True)
class Scale:
    """Points = offset - factor x log-odds of being bad.

    Examples
    --------
    >>> scale = Scale.of(ScaleConfig())
    >>> round(float(scale.points(np.array([-np.log(50.0)]))[0]), 9)
    600.0
    """

    factor: float
    offset: float

    @staticmethod
    def of(config: ScaleConfig) -> Scale:
        factor = config.pdo / float(np.log(2.0))
        return Scale(factor, config.base_score - factor * float(np.log(config.base_odds)))

    def points(self, log_odds: FloatArray) -> FloatArray:
        return self.offset - self.factor * log_odds

    def log_odds(self, points: FloatArray) -> FloatArray:
        return (self.offset - points) / self.factor
