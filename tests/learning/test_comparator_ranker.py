import numpy as np
from tests.learning.sources import make_source

from contrastive_nas.learning.comparator_ranker import ComparatorRanker
from contrastive_nas.learning.metrics import kendall_tau
from contrastive_nas.learning.parameters import AugmentParameters, Optimisation, PretrainParameters
from contrastive_nas.models.parameters import EncoderParameters

PRETRAIN = PretrainParameters(
    encoder=EncoderParameters(width=16, rounds=2, embedding=16), optimisation=Optimisation(steps=4), batch=16
)


def test_ranker_learns_and_repeats():
    source, labelled = make_source(80), np.arange(50)
    found = []
    for _ in range(2):
        ranker = ComparatorRanker(PRETRAIN, augmenting=AugmentParameters(candidates=20))
        ranker.fit(source, labelled, source.truth[labelled], seed=0)
        found.append(ranker.scores(source, np.arange(50, 80)))
    assert kendall_tau(found[0], source.truth[50:]) > 0.4
    assert np.array_equal(*found)
