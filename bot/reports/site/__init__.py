"""The static site of all runs: pages from records and the files beside them, pure, each page one file.

A page holds its styles and scripts, allowed by their hashes in its Content-Security-Policy: it works from `file://`
and on any server, and can be mailed. Text of others goes through jinja2's escaping, and before that each string is
redacted and made visible (`html.py`), so that no template can forget it.
"""
