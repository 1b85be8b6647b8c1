"""Derivatives of `MLP` with respect to its inputs."""

from __future__ import annotations


class InputDerivatives:
    """Methods of `MLP`: how its output and its loss change with X."""

    __slots__ = ()
