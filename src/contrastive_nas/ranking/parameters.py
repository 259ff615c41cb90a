"""Parameters of learning; free of heavy imports, because pipelines check them before anything runs."""

from typing import Literal

from pydantic import Field

from contrastive_nas.typed import Typed

Engine = Literal["torch", "dgl"]


class EncoderParameters(Typed):
    """Size and engine of the graph encoder.

    Attributes:
        width: Number of features per layer of the encoder.
        rounds: Rounds of message passing.
        embedding: Number of features per graph, the encoder's output.
        dropout: Dropout probability of graph embeddings. It makes the two views of a graph in contrastive
            pretraining.
        engine: Library that multiplies sparse matrices. The results are the same.
    """

    width: int = Field(default=64, ge=4, le=1024)
    rounds: int = Field(default=4, ge=0, le=32)
    embedding: int = Field(default=64, ge=2, le=4096)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    engine: Engine = "torch"


class Optimisation(Typed):
    """How weights are fitted: AdamW, a linear warm-up over a tenth of the steps, then a cosine to zero.

    Attributes:
        steps: Number of weight updates.
        rate: Largest learning rate.
        decay: Weight decay, decoupled from the gradient.
        clip: Largest norm of the gradient. Longer ones are scaled down to it.
    """

    steps: int = Field(ge=0, le=10_000_000)
    rate: float = Field(default=1e-3, gt=0, le=1)
    decay: float = Field(default=1e-2, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)


class PretrainParameters(Typed):
    """Contrastive pretraining of a graph encoder, without labels.

    Attributes:
        encoder: Size of the encoder.
        optimisation: Steps and learning rate.
        variant: Which pairs attract each other. ``families``: graphs of the same space (SDM 2023).
            ``dropout``: all graphs, each encoded twice with different dropout (GENNAPE).
        batch: Graphs per step.
        graphs: Largest number of graphs to train on, each of another function, evenly from all spaces.
        eigenvalues: Number k of the smallest eigenvalues of the Laplacian by which graphs are compared.
        temperature: Temperature t of the contrastive loss. A smaller one weighs the most similar graphs more.
        spectral_temperature: Divisor of spectral distances before the softmax that weighs pairs.
    """

    encoder: EncoderParameters = EncoderParameters()
    optimisation: Optimisation = Optimisation(steps=300)
    variant: Literal["families", "dropout"] = "families"
    batch: int = Field(default=128, ge=2, le=65536)
    graphs: int = Field(default=4096, ge=2)
    eigenvalues: int = Field(default=11, ge=1, le=21)
    temperature: float = Field(default=0.1, gt=0)
    spectral_temperature: float = Field(default=0.05, gt=0)


class CompareParameters(Typed):
    """Training of the comparator on labelled architectures.

    Attributes:
        evidence: Weight of all comparisons of one label together, in comparisons. A smaller one trusts the
            prior more.
        reference: Largest number of unlabelled architectures from which the mean and the scale of features
            are taken.
    """

    evidence: float = Field(default=4.0, gt=0, le=1000)
    reference: int = Field(default=1024, ge=2, le=1_000_000)


class AugmentParameters(Typed):
    """Pseudo-labels, and further training of the comparator on them.

    Attributes:
        ratio: Largest number r of pseudo-labelled pairs per labelled pair.
        candidates: Number of unlabelled architectures among which pairs are chosen.
        rounds: How many times pseudo-labels are chosen anew. Each time replaces the earlier ones.
        weight: Weight of a pseudo-labelled pair, where a labelled one has 1.
        least_confidence: Smallest win probability of a pair that is taken, even where fewer pairs remain than
            wanted.
        compare: How the labelled pairs are weighed.
    """

    ratio: float = Field(default=1.0, ge=0, le=100)
    candidates: int = Field(default=512, ge=2, le=20_000)
    rounds: int = Field(default=2, ge=0, le=100)
    weight: float = Field(default=0.5, ge=0, le=10)
    least_confidence: float = Field(default=0.8, ge=0.5, lt=1)
    compare: CompareParameters = CompareParameters()
