"""Milliseconds of networks on devices: measured, and predicted from few measurements."""
