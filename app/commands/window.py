"""Commands that need a window: where things are shown, moved between and looked at. They write no session.

The window and its panels supply what each does, by id (`app.ui.panel.Panel.handlers`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Menu = Literal["File", "Edit", "Session", "View", "Go", "Help"]


class WindowCommand(msgspec.Struct, frozen=True):
    """A thing that people do with the window.

    id: dotted, stable. title: for menu and palette. help: one sentence. shortcuts: default keys, in Qt's portable
    form, the first is shown. panel: the kind of panel that does it and is shown for it, None: the window itself.
    """

    id: str
    title: str
    help: str
    menu: Menu
    shortcuts: tuple[str, ...] = ()
    panel: str | None = None


_FILE = (
    WindowCommand(
        "window.new_task", "New Task…", "Let an agent work on its own, within rules.", "File", ("Ctrl+Shift+N",)
    ),
    WindowCommand("window.close_tab", "Close Tab", "Close the tab in front; the session stays.", "File", ("Ctrl+W",)),
    WindowCommand(
        "window.settings", "Settings…", "Agents, appearance, shortcuts, storage, import.", "File", ("Ctrl+,",)
    ),
    WindowCommand("window.quit", "Quit", "Close the window; everything is kept.", "File", ("Ctrl+Q",)),
)
_SESSION = (
    WindowCommand(
        "conversation.send",
        "Send Message",
        "Send what the message field holds.",
        "Session",
        ("Ctrl+Return", "Ctrl+Enter"),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.stop", "Stop the Agent", "End the turn that runs here.", "Session", ("Esc",), panel="conversation"
    ),
    WindowCommand(
        "conversation.open_elsewhere",
        "Open Diff or Output",
        "Show the file change or command at the current entry in its panel.",
        "Session",
        ("Ctrl+Shift+O",),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.share",
        "Share by Link…",
        "Let others read this session by a link; see and revoke its links.",
        "Session",
        panel="conversation",
    ),
    WindowCommand(
        "conversation.secrets",
        "Secrets Kept Out…",
        "See what was kept out of this session, reveal it, or say that it is no secret.",
        "Session",
        panel="conversation",
    ),
    WindowCommand("window.run_workflow", "Run Workflow…", "Run the steps of a YAML file in a session.", "Session"),
    WindowCommand(
        "window.continue_workflow", "Continue Workflow", "Go on with the workflow of this session.", "Session"
    ),
    WindowCommand("window.copy_link", "Copy Link", "Copy the address of this session.", "Session", ("Ctrl+Shift+L",)),
)
_EDIT = (
    WindowCommand(
        "conversation.find",
        "Find in Session…",
        "Look for words in the whole session.",
        "Edit",
        ("Ctrl+F",),
        panel="conversation",
    ),
    WindowCommand("conversation.find_next", "Find Next", "Go to the next find.", "Edit", ("F3",), panel="conversation"),
    WindowCommand(
        "conversation.find_previous",
        "Find Previous",
        "Go to the find before.",
        "Edit",
        ("Shift+F3",),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.copy_markdown",
        "Copy as Markdown",
        "Copy the selected entries, or the current one, as Markdown.",
        "Edit",
        ("Ctrl+Shift+M",),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.copy_turn",
        "Copy Turn",
        "Copy the current prompt and all that it caused, as Markdown.",
        "Edit",
        panel="conversation",
    ),
)
_VIEW = (
    WindowCommand(
        "browser.filter", "Filter Sessions…", "Narrow the list of sessions.", "View", ("Ctrl+Shift+E",), panel="browser"
    ),
    WindowCommand("browser.clear_filters", "Clear Filters", "Show all sessions again.", "View", panel="browser"),
    WindowCommand("browser.archive", "Archived Sessions", "Show what was put away.", "View", panel="browser"),
    WindowCommand(
        "browser.trash", "Trash", "Show deleted sessions, to put them back or erase them.", "View", panel="browser"
    ),
    WindowCommand(
        "conversation.fold", "Fold Turn", "Fold or unfold the current turn.", "View", ("Ctrl+.",), panel="conversation"
    ),
    WindowCommand("conversation.fold_all", "Fold All Turns", "Show prompts alone.", "View", panel="conversation"),
    WindowCommand("conversation.unfold_all", "Unfold All Turns", "Show everything.", "View", panel="conversation"),
    WindowCommand("window.left", "Session List", "Show or hide the list of sessions.", "View", ("Ctrl+B",)),
    WindowCommand("window.right", "Tools Area", "Show or hide the area at the right.", "View", ("Ctrl+J",)),
    WindowCommand("window.zoom_in", "Larger Text", "Make all text larger.", "View", ("Ctrl++", "Ctrl+=")),
    WindowCommand("window.zoom_out", "Smaller Text", "Make all text smaller.", "View", ("Ctrl+-",)),
    WindowCommand("window.zoom_reset", "Normal Text Size", "Show text in its normal size.", "View", ("Ctrl+0",)),
    WindowCommand("window.theme_light", "Light Theme", "Dark text on a light ground.", "View"),
    WindowCommand("window.theme_dark", "Dark Theme", "Light text on a dark ground.", "View"),
    WindowCommand("window.theme_system", "System Theme", "Follow the system's light or dark.", "View"),
)
_GO = (
    WindowCommand(
        "window.palette", "Go to Anything…", "Find a command, a session, a file or a text.", "Go", ("Ctrl+K",)
    ),
    WindowCommand(
        "browser.search", "Search Everything…", "Search all sessions.", "Go", ("Ctrl+Shift+F",), panel="browser"
    ),
    WindowCommand(
        "browser.next", "Next Session", "Show the session below in the list.", "Go", ("Ctrl+PgDown",), panel="browser"
    ),
    WindowCommand(
        "browser.previous",
        "Previous Session",
        "Show the session above in the list.",
        "Go",
        ("Ctrl+PgUp",),
        panel="browser",
    ),
    WindowCommand("window.next_tab", "Next Tab", "Show the next open tab.", "Go", ("Ctrl+Tab",)),
    WindowCommand("window.previous_tab", "Previous Tab", "Show the open tab before.", "Go", ("Ctrl+Shift+Tab",)),
    WindowCommand(
        "conversation.next_turn", "Next Turn", "Go to the next prompt.", "Go", ("Alt+Down",), panel="conversation"
    ),
    WindowCommand(
        "conversation.previous_turn",
        "Previous Turn",
        "Go to the prompt before.",
        "Go",
        ("Alt+Up",),
        panel="conversation",
    ),
    WindowCommand(
        "conversation.compose", "Write a Message", "Go to the message field.", "Go", ("Ctrl+L",), panel="conversation"
    ),
    WindowCommand(
        "conversation.go_to_time",
        "Go to Time…",
        "Go to what was said at a time or on a day.",
        "Go",
        ("Ctrl+G",),
        panel="conversation",
    ),
    WindowCommand("window.waiting", "Next that Waits", "Go to a session that waits for you.", "Go", ("Ctrl+Shift+W",)),
    WindowCommand("window.open_link", "Open Link…", "Open a lovelace:// address.", "Go"),
)
_TERMINAL = (
    WindowCommand("terminal.show", "Terminal", "Show what commands printed.", "View", ("Ctrl+Shift+X",), "terminal"),
    WindowCommand("terminal.run", "Run a Command…", "Write a command to run in the folder.", "Session", (), "terminal"),
    WindowCommand("terminal.stop", "Stop the Command", "End the command that is shown.", "Session", (), "terminal"),
    WindowCommand("terminal.find", "Find in Output…", "Search what the command printed.", "Edit", (), "terminal"),
    WindowCommand("terminal.wrap", "Wrap Output", "Let long lines go on in the next.", "View", (), "terminal"),
    WindowCommand("terminal.copy_command", "Copy Command", "Copy the command line.", "Edit", (), "terminal"),
    WindowCommand("terminal.copy_output", "Copy Output", "Copy all that it printed.", "Edit", (), "terminal"),
    WindowCommand("terminal.next", "Next Command", "Show the command after this one.", "Go", (), "terminal"),
    WindowCommand("terminal.previous", "Previous Command", "Show the one before.", "Go", (), "terminal"),
)
_CHANGES = (
    WindowCommand("diff.show", "Changes", "Show what this session did to files.", "View", ("Ctrl+Shift+C",), "diff"),
    WindowCommand(
        "diff.split", "Changes: Unified or Split", "Old and new lines side by side, or not.", "View", (), "diff"
    ),
    WindowCommand("diff.on_disk", "Changes: Compare with Disk", "What became of the files since.", "View", (), "diff"),
    WindowCommand("diff.unfold", "Changes: All Lines", "Show or fold all unchanged lines.", "View", (), "diff"),
    WindowCommand("diff.next_change", "Next Change", "Go to the next changed lines.", "Go", ("F7",), "diff"),
    WindowCommand(
        "diff.previous_change", "Previous Change", "Go to the changed lines before.", "Go", ("Shift+F7",), "diff"
    ),
    WindowCommand(
        "diff.next_file", "Next File with Changes", "Show the file below in the list.", "Go", ("F8",), "diff"
    ),
    WindowCommand(
        "diff.previous_file",
        "Previous File with Changes",
        "Show the file above in the list.",
        "Go",
        ("Shift+F8",),
        "diff",
    ),
    WindowCommand("diff.go_to_line", "Go to Line…", "Show a line of the changed file.", "Go", ("Ctrl+Alt+G",), "diff"),
    WindowCommand("diff.find", "Find in Changes…", "Find a text in the changed file.", "Edit", ("Ctrl+Alt+F",), "diff"),
    WindowCommand("diff.copy_patch", "Copy as Patch", "Copy the selected changes as a patch.", "Edit", (), "diff"),
    WindowCommand("diff.copy_path", "Copy Path", "Copy the path of the changed file.", "Edit", (), "diff"),
    WindowCommand("diff.open", "Open Changed File", "Open it in your editor.", "File", (), "diff"),
    WindowCommand(
        "diff.show_in_folder", "Show Changed File in Folder", "Open the folder it is in.", "File", (), "diff"
    ),
    WindowCommand(
        "diff.restore_file",
        "Restore File…",
        "Put the file back to what it was before the shown change.",
        "Session",
        (),
        "diff",
    ),
    WindowCommand(
        "diff.restore_all",
        "Restore All Files…",
        "Put all listed files back to before the listed changes.",
        "Session",
        (),
        "diff",
    ),
)
_ACTIVITY = (
    WindowCommand(
        "activity.show",
        "Activity",
        "Show what turns, tools and commands of this session took.",
        "View",
        ("Ctrl+Shift+A",),
        "activity",
    ),
    WindowCommand("activity.unfold", "Activity: All Turns", "Open or fold all turns.", "View", (), "activity"),
    WindowCommand("activity.zoom_in", "Activity: Stretch Time", "See short spans better.", "View", (), "activity"),
    WindowCommand("activity.zoom_out", "Activity: Shrink Time", "See more of a turn.", "View", (), "activity"),
)
_REVIEW = (
    WindowCommand(
        "review.show", "Review of a Week", "What was asked, what failed and what it cost.", "Go", (), "review"
    ),
    WindowCommand("mcp.show", "MCP Tools", "Call a tool of an MCP server by hand.", "Go", (), "mcp"),
    WindowCommand("mcp.refresh", "MCP: Look Again", "Ask the server anew what it has.", "Go", (), "mcp"),
    WindowCommand("review.previous", "Review: Week Before", "Show the week before.", "Go", (), "review"),
    WindowCommand("review.next", "Review: Week After", "Show the week after.", "Go", (), "review"),
    WindowCommand("review.copy", "Copy Review as Markdown", "Copy the shown week.", "Edit", (), "review"),
    WindowCommand("review.export", "Export Review…", "Write the shown week to a file.", "File", (), "review"),
)
_REPOSITORY = (
    WindowCommand(
        "repository.show",
        "Git",
        "Show what changed in the repository, to stage and commit it.",
        "View",
        ("Ctrl+Shift+G",),
        "repository",
    ),
    WindowCommand("repository.refresh", "Git: Look Again", "Read the repository anew.", "View", (), "repository"),
    WindowCommand("repository.stage", "Stage", "Stage the selected files.", "Session", (), "repository"),
    WindowCommand("repository.unstage", "Unstage", "Take the selected files out again.", "Session", (), "repository"),
    WindowCommand("repository.stage_all", "Stage All", "Stage all that changed.", "Session", (), "repository"),
    WindowCommand("repository.unstage_all", "Unstage All", "Take all out that is staged.", "Session", (), "repository"),
    WindowCommand(
        "repository.stage_hunk",
        "Stage or Unstage Hunk",
        "Move the current hunk of the shown file into the next commit, or out of it.",
        "Session",
        (),
        "repository",
    ),
    WindowCommand(
        "repository.discard",
        "Discard Changes of File…",
        "Go back to what is staged of the shown file; what goes is kept in the session.",
        "Session",
        (),
        "repository",
    ),
    WindowCommand(
        "repository.propose",
        "Propose Commit Message",
        "Ask the session's agent for a message from what is staged.",
        "Session",
        (),
        "repository",
    ),
    WindowCommand("repository.commit", "Commit", "Commit what is staged.", "Session", (), "repository"),
)
_HELP = (
    WindowCommand("window.shortcuts", "Keyboard Shortcuts", "Show all shortcuts, and change them.", "Help", ("F1",)),
    WindowCommand("window.about", "About Lovelace", "The version, and where the data are.", "Help"),
)

COMMANDS: tuple[WindowCommand, ...] = (
    *_FILE,
    *_EDIT,
    *_SESSION,
    *_VIEW,
    *_GO,
    *_TERMINAL,
    *_CHANGES,
    *_ACTIVITY,
    *_REPOSITORY,
    *_REVIEW,
    *_HELP,
)
"""In the order of menu and palette."""
