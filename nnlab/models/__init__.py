"""Keras networks, layers and the optimizer, and the loops that decode with them.

Importing this registers every class that a saved network may hold, so ``keras.saving.load_model`` reads the
``model.keras`` of any run.
"""

from nnlab.models import adversarial, arithmetic, bidirectional, ensemble, layers, lstm, optimizers, products, seq2seq

__all__ = [
    "adversarial",
    "arithmetic",
    "bidirectional",
    "ensemble",
    "layers",
    "lstm",
    "optimizers",
    "products",
    "seq2seq",
]
