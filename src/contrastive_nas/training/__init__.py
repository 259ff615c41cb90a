"""Retraining: from a searched architecture to a trained, exported network.

Runs without Kedro: ``torchrun --nproc-per-node N -m contrastive_nas.training --config FILE``.
"""
