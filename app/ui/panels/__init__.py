"""The parts of the window. A panel knows the workspace and the bridge, never a sibling panel."""
