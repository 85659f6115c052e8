"""python -m nearwire: the command nearwire, by the Python of your choice."""

from __future__ import annotations

from nearwire.command import main

if __name__ == "__main__":
    main()
