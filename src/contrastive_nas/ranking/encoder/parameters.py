"""Parameters of the models; free of heavy imports, because pipelines check them before anything runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Engine = Literal["torch", "dgl"]


class EncoderParameters(BaseModel):
    """Size and engine of the encoder.

    Attributes:
        width: numbers per layer of a network.
        rounds: rounds of message passing.
        embedding: numbers per graph.
        dropout: of embedded graphs; it makes the two views of one graph in contrastive pretraining.
        engine: which library multiplies sparse matrices; the results are the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(default=64, ge=4, le=1024)
    rounds: int = Field(default=4, ge=0, le=32)
    embedding: int = Field(default=64, ge=2, le=4096)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    engine: Engine = "torch"
