"""The peer protocol, sans-IO: bytes and ticks in, frames out; what is stored is behind `replica.Replica`.

`frames`, `messages`: the format · `envelope`: entries sealed for travel · `digest`: comparing sets · `peer`: one
conversation with one device · `replica`: what a conversation needs of the store.
"""
