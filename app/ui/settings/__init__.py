"""The pages of the settings, one file each, and their table."""

from __future__ import annotations

from app.ui.settings.page import PageKind

PAGES: tuple[PageKind, ...] = (
    PageKind("agents", "Agents and models", "app.ui.settings.agents:AgentsPage"),
    PageKind("servers", "MCP servers", "app.ui.settings.servers:ServersPage"),
    PageKind("permissions", "Permissions", "app.ui.settings.permissions:PermissionsPage"),
    PageKind("memory", "Memory", "app.ui.settings.memory:MemoryPage"),
    PageKind("appearance", "Appearance", "app.ui.settings.appearance:AppearancePage"),
    PageKind("shortcuts", "Shortcuts", "app.ui.settings.shortcuts:ShortcutsPage"),
    PageKind("devices", "Devices", "app.ui.settings.devices:DevicesPage"),
    PageKind("members", "Members", "app.ui.settings.members:MembersPage"),
    PageKind("links", "Links", "app.ui.settings.links:LinksPage"),
    PageKind("sync", "Sync", "app.ui.settings.sync:SyncPage"),
    PageKind("import", "Import", "app.ui.settings.importing:ImportPage"),
    PageKind("folders", "Folders", "app.ui.settings.folders:FoldersPage"),
    PageKind("storage", "Storage", "app.ui.settings.storage:StoragePage"),
    PageKind("keys", "Keys", "app.ui.settings.keys:KeysPage"),
)
"""In the order of the list at the left."""
