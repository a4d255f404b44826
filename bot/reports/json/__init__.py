"""Documents for programs: what `--json` prints and what the bot's own files are, one frozen model each.

`registry.py` lists them all; `bot schema` shows it. To add one: a module here with the model, and its line there. Any
change of a document's form makes a new version of it: `tests/unit/test_schemas.py` holds each to `tests/schemas/`.
"""
