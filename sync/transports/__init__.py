"""Ways to other devices. None knows what it carries.

`memory` and `iroh` connect live, `lan` finds addresses nearby, `mailbox` goes through storage.

A `mailbox` is read (`mailbox_reading`), written (`mailbox_writing`) and kept in order (`mailbox_care`) over a
`storage`, which `opendal_storage` gives for a URI (`storage_uri`); `folder_watch` tells when something comes into a
folder.
"""
