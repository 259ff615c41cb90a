"""Parameters of learning; free of heavy imports, because pipelines check them before anything runs."""

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


class Optimisation(BaseModel):
    """How weights are fitted: AdamW, a linear warm-up over a tenth of the steps, then a cosine to zero.

    Attributes:
        steps: updates.
        rate: largest learning rate.
        decay: weight decay, decoupled from the gradient.
        clip: largest norm of the gradient.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(ge=0, le=10_000_000)
    rate: float = Field(default=1e-3, gt=0, le=1)
    decay: float = Field(default=1e-2, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)


class PretrainParameters(BaseModel):
    """Contrastive pretraining without labels.

    Attributes:
        encoder: the encoder to be trained.
        optimisation: steps and rates.
        variant: ``families``: positives are the other graphs of the same space (SDM 2023); ``dropout``: all
            other graphs, and every graph is encoded twice with different dropout (GENNAPE).
        batch: graphs per step.
        graphs: at most so many distinct functions are taken, evenly from the spaces.
        eigenvalues: k, how many of the smallest eigenvalues are compared.
        temperature: t of the loss.
        spectral_temperature: divides spectral distances before the softmax.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: EncoderParameters = EncoderParameters()
    optimisation: Optimisation = Optimisation(steps=300)
    variant: Literal["families", "dropout"] = "families"
    batch: int = Field(default=128, ge=2, le=65536)
    graphs: int = Field(default=4096, ge=2)
    eigenvalues: int = Field(default=11, ge=1, le=21)
    temperature: float = Field(default=0.1, gt=0)
    spectral_temperature: float = Field(default=0.05, gt=0)


class CompareParameters(BaseModel):
    """Training of the comparator on labelled architectures.

    Attributes:
        evidence: what all comparisons of one label weigh together, in comparisons; less trusts the prior
            more.
        reference: unlabelled architectures by which features are standardised, at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    evidence: float = Field(default=4.0, gt=0, le=1000)
    reference: int = Field(default=1024, ge=2, le=1_000_000)


class AugmentParameters(BaseModel):
    """Pseudo-labels and training on with them.

    Attributes:
        ratio: r, pseudo-labelled pairs per labelled pair, at most.
        candidates: unlabelled architectures among which pairs are sought.
        rounds: how often pseudo-labels are chosen afresh, replacing the earlier ones.
        weight: of a pseudo-labelled pair, as a part of a labelled one's.
        least_confidence: pairs below it are not taken, however few there are.
        compare: how the labelled pairs are weighed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ratio: float = Field(default=1.0, ge=0, le=100)
    candidates: int = Field(default=512, ge=2, le=20_000)
    rounds: int = Field(default=2, ge=0, le=100)
    weight: float = Field(default=0.5, ge=0, le=10)
    least_confidence: float = Field(default=0.8, ge=0.5, lt=1)
    compare: CompareParameters = CompareParameters()
