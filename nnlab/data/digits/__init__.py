"""Pictures of digits: MNIST and files in its formats (``digits``), one of anybody in its form (``digit_pictures``)."""
