"""Estimators, calibration, training, metrics, checks, bundle."""
