"""Supernets: one set of weights, trained for all networks of a space, which gives each an accuracy.

Runs without Kedro: ``torchrun --nproc-per-node N -m contrastive_nas.training --supernet --config FILE``.
"""
