"""The membership log: signed operations, what they amount to, the epochs of keys, and which entries count. Pure.

`operation`, `bodies`: the format · `log`: the evaluator, which gives a `state` · `step`, `history`, `rules`,
`standing`: how it decides · `roster`: whose devices sign · `epoch`, `epochs`: keys · `admission`: entries ·
`invites`, `founding`, `genesis`, `devices`: making operations.
"""
