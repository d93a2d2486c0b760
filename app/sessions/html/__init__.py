"""A session as one self-contained HTML page that needs no script and loads nothing.

Whatever an event says is text: `text.escaped` is the only door for it, Markdown is rendered with raw HTML off, and the
page's Content-Security-Policy would refuse scripts, styles and requests that came through all the same.
"""
