"""``python -m nnlab`` is the command ``nnlab``."""

from nnlab.cli import main

if __name__ == "__main__":
    main()
