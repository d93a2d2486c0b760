"""The tables of the engine, by the component that made them."""

from __future__ import annotations

from sync.store.chain_sums import CHAINS
from sync.store.links import LINKS
from sync.store.network_rows import NETWORK
from sync.store.operations import STANDINGS
from sync.store.schema import SYNC

ENGINE_COMPONENTS = (SYNC, STANDINGS, CHAINS, NETWORK, LINKS)
