"""What goes into the bundle: rules for the files that PyInstaller found."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

HIDDEN = ("app", "sync", "keyring.backends", "openai.resources", "anthropic.resources")
"""Packages whose modules are imported by name at run time: commands, keyrings, resources of the providers' clients."""

EXCLUDED = (
    *("tkinter", "pip", "setuptools", "pkg_resources", "distutils", "lib2to3", "pydoc_data"),
    *("hypothesis", "mypy", "pytest", "_pytest", "ast_serialize", "librt", "IPython", "numpy", "uvicorn", "starlette"),
    "xllamacpp",  # 100 MB, and the model that it runs is fetched with pip, which a bundle has not
)
"""Modules that are there for developers, or that our libraries would use if they were asked to."""

_SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_UNUSED_QT = re.compile(
    r"""Qt/translations/ | libqgtk3\. | plugins/(egldeviceintegrations|generic|networkinformation|tls)/
    | plugins/platforms/libq(eglfs|linuxfb|minimal|minimalegl|vkkhrdisplay|vnc)\.
    | plugins/imageformats/libq(icns|tga|tiff|wbmp)\.
    | libQt6EglFS | libQt6EglFsKms""",
    re.VERBOSE,
)


def is_wanted(destination: str, source: str) -> bool:
    """Whether a file goes into the bundle. destination: its path there; source: its path on this machine.

    Libraries of the distribution are left out: the Debian package depends on them, and they are kept
    secure there. A Python that belongs to the distribution brings its own library all the same.
    """
    if _UNUSED_QT.search(destination):
        return False
    own_name = PurePosixPath(destination).name
    from_system = source.startswith(tuple(f"{folder}/" for folder in _SYSTEM_FOLDERS))
    return not (from_system and destination == own_name and not own_name.startswith("libpython"))
