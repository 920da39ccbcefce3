"""Shared by the tests of commands from end to end."""

from __future__ import annotations

import pytest

from nnlab.experiments import denoise


@pytest.fixture(scope="module", autouse=True)
def _fewer_pictures_for_the_classical_methods():
    """A quarter of them: the methods take as long as the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise, "TUNED", 10)
        patch.setattr(denoise, "COMPARED", 50)
        yield
