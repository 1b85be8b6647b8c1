"""Some of the cases of fuzz_estimators.py, and that the documents list every difference it takes for known."""

from pathlib import Path

import fuzz_estimators
import pytest
import sklearn

ROOT = Path(__file__).parent.parent
BATCH = 25


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="other releases have other numbers and errors")
@pytest.mark.parametrize("first", range(0, 500, BATCH))
def test_as_scikit_learn(first):
    outcomes = {number: fuzz_estimators.outcome(0, number) for number in range(first, first + BATCH)}
    assert not {number: difference for number, (name, difference) in outcomes.items() if name == "unknown"}
    assert sum(name == "same" for name, _ in outcomes.values()) > BATCH // 2


def test_known_differences_are_documented():
    text = (ROOT / "docs" / "sklearn.md").read_text(encoding="utf-8")
    for name in fuzz_estimators.KNOWN:
        assert f"\n| {name} |" in text, name
