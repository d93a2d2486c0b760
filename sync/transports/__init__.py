"""Ways to other devices. None knows what it carries.

`memory` and `iroh` connect live, `lan` finds addresses nearby, `mailbox` goes through storage.
"""
