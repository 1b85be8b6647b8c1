"""`shallownet-c info`: what is installed, or what a model's file holds."""

import argparse
import platform
from typing import Any

import numpy as np

from shallownet_c import __version__, kernels
from shallownet_c._command import _record, _report
from shallownet_c._command._input import brief, listed
from shallownet_c._kernels import available


def info(arguments: argparse.Namespace) -> int:
    if arguments.model is not None:
        return _of_model(arguments)
    facts = {
        "shallownet_c": __version__,
        "cpu_build": kernels.target,
        "cpu_builds": list(available),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if arguments.json:
        _report.as_json(facts)
        return 0
    print(f"shallownet_c {__version__}")
    print(f"CPU build    {kernels.target} (this CPU runs {', '.join(available)})")
    print(f"NumPy        {np.__version__}")
    print(f"Python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    return 0


def _of_model(arguments: argparse.Namespace) -> int:
    net, record, note = _record.read(arguments.model)
    if arguments.json:
        facts: dict[str, Any] = {
            "model": arguments.model,
            "network": {
                "layer_sizes": list(net.layer_sizes),
                "activations": list(net.activations),
                "loss": net.loss,
                "dtype": str(net.dtype),
                "parameters": net.n_params,
            },
            "inputs": record.feature_names(),
            "note": note,
        }
        _report.as_json(facts | record.as_json())
        return 0
    _report.say(f"{arguments.model}: {net!r}, {net.n_params} parameters")
    if note is not None:
        _report.say(note)
    predicts = "" if record.target_name is None else f" of {brief(record.target_name)}"
    if record.classes is None:
        _report.say(
            f"predicts {'a number' if net.layer_sizes[-1] == 1 else f'{net.layer_sizes[-1]} numbers'}{predicts}"
        )
    else:
        _report.say(
            f"predicts one of {len(record.classes)} classes{predicts}: {listed(list(map(str, record.classes)))}"
        )
    if record.training is not None:
        made = record.training
        scores = ", ".join(f"{key.replace('_', ' ')} {_report.number(one)}" for key, one in made["scores"].items())
        _report.say(f"trained on {made['rows']} rows of {made['data']} in {made['epochs']} epochs, seed {made['seed']}")
        _report.say(f"on the rows held out: {scores}")
    if note is None:
        print()
        rows = [
            [
                f"column {one.place}" if one.name is None else brief(one.name),
                one.kind,
                one.median,
                one.mean,
                one.spread,
                listed(list(one.categories)) or "-",
            ]
            for one in record.inputs
        ]
        _report.table(["column", "kind", "median", "mean", "spread", "categories"], rows)
    return 0
