"""Panics of the document core print no backtrace here: there are hundreds of them."""

import os

os.environ["RUST_BACKTRACE"] = "0"
