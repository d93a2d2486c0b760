"""The membership log: signed operations, and the genesis of identities and workspaces. Pure."""
