"""Run the command line with ``python -m vedette``."""

from vedette.main import run

if __name__ == "__main__":
    run()
