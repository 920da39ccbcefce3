"""Pictures of anybody: one file (``pixels``), many (``picture_files``), training and test parts (``images``)."""
