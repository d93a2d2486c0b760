"""The peer protocol, sans-IO: bytes and ticks in, frames out; what is stored is behind `replica.Replica`.

`peer`: one conversation with one device · `happenings`: what it tells · `frames`, `messages`: the format ·
`log_exchange`, `entry_exchange`, `bucket_exchange`, `blob_exchange`: its parts · `talk`: what they have in common ·
`outgoing`: what is to be sent, and in which order · `envelope`: entries sealed for travel · `digest`: comparing sets ·
`replica`: what a conversation needs of the store.

`mailbox`: names in a mailbox and what to read of it · `mailbox_objects`: what is in its objects · `mailbox_upkeep`:
what to bring again, to merge and to delete · `mailbox_replica`: what a mailbox needs of the store.
"""
