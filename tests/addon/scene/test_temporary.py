"""Values are set in order, and all are restored, whatever happens between."""

from types import SimpleNamespace

import pytest
from levelform.addon.scene.temporary import values_set


def test_values_come_back_after_an_error_too():
    first, second, seen = SimpleNamespace(a=1, b=2), SimpleNamespace(a=3), []

    def work():
        with values_set([(first, "a", 7), (second, "a", 8)]):
            seen.append((first.a, first.b, second.a))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert seen == [(7, 2, 8)]
    assert (first.a, second.a) == (1, 3)
