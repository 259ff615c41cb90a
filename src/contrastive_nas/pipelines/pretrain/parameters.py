"""Parameters of the pretraining stage."""

from typing import Literal

from contrastive_nas.ranking.parameters import PretrainParameters


class PretrainStageParameters(PretrainParameters):
    """Which graph encoder an experiment uses, and how one is pretrained.

    Attributes:
        start: ``released`` uses the encoder that comes with the package, pretrained on several spaces, and
            ignores all other parameters of this stage. ``scratch`` pretrains one on the experiment's own
            graphs.
    """

    start: Literal["released", "scratch"] = "released"
