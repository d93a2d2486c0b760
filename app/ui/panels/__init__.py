"""The panels of the window, one file each, and their table. Panels ignore their siblings."""

from __future__ import annotations

from app.ui.panel import PanelKind
from app.ui.places import CommandPlace, FilePlace, RepositoryPlace, SearchPlace, SessionPlace

PANELS: tuple[PanelKind, ...] = (
    PanelKind("browser", "Sessions", "left", "app.ui.panels.browser:BrowserPanel", (SearchPlace,)),
    PanelKind("conversation", "Conversation", "main", "app.ui.panels.conversation:ConversationPanel", (SessionPlace,)),
    PanelKind("review", "Review", "main", "app.ui.panels.review:ReviewPanel"),
    PanelKind("mcp", "MCP", "main", "app.ui.panels.mcp:McpPanel"),
    PanelKind("settings", "Settings", "main", "app.ui.panels.settings:SettingsPanel"),
    PanelKind("diff", "Changes", "right", "app.ui.panels.diff:DiffPanel", (FilePlace,)),
    PanelKind("terminal", "Terminal", "right", "app.ui.panels.terminal:TerminalPanel", (CommandPlace,)),
    PanelKind("activity", "Activity", "right", "app.ui.panels.activity:ActivityPanel"),
    PanelKind("repository", "Git", "right", "app.ui.panels.repository:RepositoryPanel", (RepositoryPlace,)),
)
"""In the order of their tabs."""
