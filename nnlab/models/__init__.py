"""Keras models by the name the field gives them."""
