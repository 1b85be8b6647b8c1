"""A hundred of the cases of fuzz_tables.py, which runs as many as one likes."""

import fuzz_tables


def test_a_hundred_odd_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    outcomes = fuzz_tables.fuzz(range(100))
    assert not outcomes["FAULT"], capsys.readouterr().err
    assert min(outcomes[what] for what in ("refused", "trained", "predicted")) > 5
