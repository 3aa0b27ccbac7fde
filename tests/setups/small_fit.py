"""A fit on one small grid, for tests of what surrounds it."""

from levelform.backend.fit import FitSettings


def on_a_small_grid(monkeypatch):
    """Have fits take all their steps on a grid of 24 cells, and show nothing on the way."""

    def settings_for(steps, *, guess=False):
        return FitSettings(stages=((24, 1.0),), rays=256, coarse=24, fine=10)

    for module in ("reconstructors.fit", "fit.clock"):
        monkeypatch.setattr(f"levelform.backend.{module}.settings_for", settings_for)
    monkeypatch.setattr("levelform.backend.fit.running.FIRST_AFTER", 1e9)
