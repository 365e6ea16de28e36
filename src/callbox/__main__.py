"""`python -m callbox` is `callbox`."""

from callbox.cli import main

if __name__ == "__main__":
    main()
