"""The SQLCipher store: one encrypted database, its keys, and everything derived from documents."""
