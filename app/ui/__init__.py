"""The desktop: PySide6 windows over one open workspace. Nothing outside this package imports Qt."""
