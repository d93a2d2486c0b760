"""Ways to other devices: `memory` and `iroh` connect live, `mailbox` through storage. None knows what it carries."""
