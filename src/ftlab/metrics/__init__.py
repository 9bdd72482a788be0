"""How good predictions are: metrics with unit and direction, their intervals, calibration."""
