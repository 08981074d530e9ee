"""``python -m i2i`` and ``torchrun -m i2i``: the command line without the console script."""

from .cli import main

if __name__ == "__main__":
    main()
