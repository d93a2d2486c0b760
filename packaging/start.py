"""Where the packaged program starts: `app.__main__`, in the environment that the person has."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from app.__main__ import main


def restore_environment(environment: MutableMapping[str, str]) -> None:
    """Take out what the bundle's loader put in for itself.

    This process has read it by now; other programs that we start (git, shells, a browser) would load our libraries.
    """
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        original = environment.pop(f"{name}_ORIG", None)
        if original is not None:
            environment[name] = original
        else:
            environment.pop(name, None)
    for name in [name for name in environment if name.startswith("_PYI_")]:
        del environment[name]
    for name in ("QT_PLUGIN_PATH", "QML2_IMPORT_PATH"):  # PySide6 finds its plugins without them
        environment.pop(name, None)


if __name__ == "__main__":
    restore_environment(os.environ)
    main()
