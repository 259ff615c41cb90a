"""Parameters of the pretraining stage."""

from typing import Literal

from pydantic import ConfigDict

from contrastive_nas.ranking.parameters import PretrainParameters


class PretrainStageParameters(PretrainParameters):
    """Which encoder an experiment has.

    Attributes:
        start: ``released``: the encoder that comes with the package, pretrained on several spaces, as it is;
            ``scratch``: one that is pretrained on the experiment's own graphs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Literal["released", "scratch"] = "released"
