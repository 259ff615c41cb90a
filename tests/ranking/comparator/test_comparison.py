import itertools

import numpy as np
import pytest
import torch
from tests.ranking.sources import make_source

from contrastive_nas.checkpoints import Checkpoints
from contrastive_nas.errors import InputError
from contrastive_nas.ranking.comparator.self_training import augment, choose_pairs, pseudo_label_accuracy
from contrastive_nas.ranking.comparator.training import all_pairs, comparator_scores, train_comparator
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.ranking.parameters import (
    AugmentParameters,
    CompareParameters,
    EncoderParameters,
    Optimisation,
    PretrainParameters,
)

ENCODER = EncoderParameters(width=16, rounds=2, embedding=16)
PRETRAIN = PretrainParameters(encoder=ENCODER, optimisation=Optimisation(steps=6), batch=16)
COMPARE = CompareParameters()


@pytest.fixture(scope="module")
def source():
    return make_source(120)


@pytest.fixture(scope="module")
def encoder(source):
    return pretrain(source, PRETRAIN, seed=0)[0]


@pytest.fixture(scope="module")
def comparator(encoder, source):
    return train_comparator(
        EncoderFeatures(encoder), source, np.arange(90), source.truth[:90], COMPARE, seed=0
    )


def weights(model):
    return torch.cat([values.reshape(-1).float() for values in model.state_dict().values()])


def test_all_pairs_are_those_of_different_labels():
    labels = np.array([3.0, 1.0, 3.0, 2.0])
    pairs = all_pairs(np.array([10, 11, 12, 13]), labels)
    expected = {(a + 10, b + 10) for a, b in itertools.permutations(range(4), 2) if labels[a] > labels[b]}
    assert set(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True)) == expected
    assert len(pairs) == len(expected) == 5


@pytest.mark.parametrize("variant", ["families", "dropout"])
def test_pretraining_lowers_the_loss_and_needs_no_label(source, variant):
    parameters = PRETRAIN.model_copy(update={"variant": variant, "optimisation": Optimisation(steps=40)})
    _, losses = pretrain(source, parameters, seed=0)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(source):
    first, second, other = (pretrain(source, PRETRAIN, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_interrupted_pretraining_continues_with_the_same_bits(source, tmp_path, monkeypatch):
    straight, losses = pretrain(source, PRETRAIN, seed=0)
    kept = Checkpoints(tmp_path, seconds=0.0)
    monkeypatch.setattr(kept, "save_if_due", lambda make_state: kept.save(make_state()))
    calls = itertools.count()

    def stop_after_three(*_):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return original(*_)

    original = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        pretrain(source, PRETRAIN, seed=0, checkpoints=kept)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", original)
    resumed, resumed_losses = pretrain(source, PRETRAIN, seed=0, checkpoints=kept)
    assert torch.equal(weights(straight), weights(resumed))
    assert losses == resumed_losses


def test_random_numbers_of_the_caller_stay(source):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    pretrain(source, PRETRAIN, seed=0)
    assert torch.equal(torch.rand(1), expected)


def test_dropout_variant_needs_dropout(source):
    encoder = ENCODER.model_copy(update={"dropout": 0.0})
    parameters = PRETRAIN.model_copy(update={"variant": "dropout", "encoder": encoder})
    with pytest.raises(InputError, match="dropout"):
        pretrain(source, parameters, seed=0)


def test_comparator_ranks_unlabelled_graphs(comparator, source):
    scores = comparator_scores(comparator, source)
    assert kendall_tau(scores[90:], source.truth[90:]) > 0.5


def test_fit_leaves_the_encoder_alone_and_repeats(encoder, source, comparator):
    before = weights(encoder)
    again = train_comparator(
        EncoderFeatures(encoder), source, np.arange(90), source.truth[:90], COMPARE, seed=0
    )
    assert torch.equal(weights(encoder), before)
    assert torch.equal(weights(again), weights(comparator))


def test_labels_without_a_pair_are_refused(encoder, source):
    with pytest.raises(InputError, match="no pair"):
        train_comparator(EncoderFeatures(encoder), source, np.arange(3), np.ones(3), COMPARE, seed=0)
    with pytest.raises(InputError, match="finite"):
        train_comparator(
            EncoderFeatures(encoder), source, np.arange(3), np.array([1, np.nan, 2]), COMPARE, seed=0
        )


def test_graphs_of_one_function_get_the_same_bits(comparator, source):
    twins = make_source(80)
    twins.function_ids = np.arange(80) // 2
    scores = comparator_scores(comparator, twins)
    assert np.array_equal(scores[::2], scores[1::2])


def test_the_most_confident_pairs_are_chosen():
    scores = np.random.default_rng(0).normal(size=12) * 2
    pairs = choose_pairs(scores, np.arange(100, 112), limit=10, least_confidence=0.6)
    gaps = {(a, b): scores[a] - scores[b] for a, b in itertools.permutations(range(12), 2)}
    best = sorted(gaps, key=gaps.get, reverse=True)[:10]
    chosen = zip((pairs.better - 100).tolist(), (pairs.worse - 100).tolist(), strict=True)
    assert set(chosen) == set(best)


def test_confidence_has_a_floor_and_ties_give_no_pair():
    scores = np.array([0.0, 0.0, 0.1, 5.0])
    pairs = choose_pairs(scores, np.arange(4), limit=100, least_confidence=0.9)
    assert sorted(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True)) == [(3, 0), (3, 1), (3, 2)]
    assert len(choose_pairs(np.zeros(4), np.arange(4), limit=100, least_confidence=0.5)) == 0


def augmented(comparator, source, parameters):
    known = np.arange(90), source.truth[:90], np.arange(90, 120)
    return augment(comparator, EncoderFeatures(comparator.encoder), source, *known, parameters, seed=0)


def test_augmentation_is_bounded_replaced_and_leaves_the_comparator_alone(comparator, source):
    before = weights(comparator)
    parameters = AugmentParameters(ratio=0.5, rounds=3, least_confidence=0.5)
    better, pseudo = augmented(comparator, source, parameters)
    assert torch.equal(weights(comparator), before)
    assert not np.array_equal(comparator_scores(better, source), comparator_scores(comparator, source))
    assert 0 < len(pseudo) <= 0.5 * len(all_pairs(np.arange(90), source.truth[:90]))
    assert {*pseudo.better.tolist(), *pseudo.worse.tolist()} <= set(range(90, 120))
    assert pseudo_label_accuracy(pseudo, source.truth) > 0.8


def test_no_round_of_pseudo_labels_leaves_the_ranking_as_it_is(comparator, source):
    parameters = AugmentParameters(rounds=0)
    same, pseudo = augmented(comparator, source, parameters)
    assert len(pseudo) == 0
    np.testing.assert_allclose(
        comparator_scores(same, source), comparator_scores(comparator, source), rtol=1e-4, atol=1e-4
    )


def test_accuracy_of_pseudo_labels_leaves_ties_out():
    pairs = all_pairs(np.arange(3), np.array([3.0, 2.0, 1.0]))
    assert pseudo_label_accuracy(pairs, np.array([2.0, 1.0, 1.0])) == 1
    assert pseudo_label_accuracy(pairs, np.array([1.0, 2.0, 0.0])) == pytest.approx(2 / 3)
    assert np.isnan(pseudo_label_accuracy(pairs, np.zeros(3)))
