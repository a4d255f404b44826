"""The command line: scan, duplicates, diff, publish."""

import argparse
import sys

from fileindex import __version__
from fileindex.config import ConfigError, IndexConfig
from fileindex.remote import Publisher, PublishError
from fileindex.scanner import compare, duplicates, scan
from fileindex.store import CorruptIndex, IndexStore


def build_parser():
    """All options."""
    parser = argparse.ArgumentParser(prog="fileindex")
    parser.add_argument("--version", action="version", version=f"fileindex {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("scan", "duplicates", "diff", "publish"):
        command = commands.add_parser(name)
        command.add_argument("folder")
        command.add_argument("--hidden", action="store_true")
    return parser


def main(argv=None):
    """Run a command. Exit status: 0 fine, 1 differences or duplicates found, 2 a problem."""
    options = build_parser().parse_args(argv)
    try:
        config = IndexConfig.from_env()
        store = IndexStore(config.cache_dir)
        records = scan(
            options.folder,
            config,
            include_hidden=options.hidden,
            on_error=lambda path, error: print(f"skipped {path}: {error.strerror}", file=sys.stderr),
        )
        if options.command == "scan":
            store.save(records)
            print(f"{len(records)} files, {sum(record.size for record in records)} bytes")
        elif options.command == "duplicates":
            groups = duplicates(records)
            for group in groups:
                print(" = ".join(group))
            return 1 if groups else 0
        elif options.command == "diff":
            changes = compare(store.load(), records)
            for sign, kind in (("+", "added"), ("-", "removed"), ("*", "changed")):
                for path in changes[kind]:
                    print(sign, path)
            return 1 if any(changes.values()) else 0
        else:
            print(f"published {Publisher(config).publish(records)} files")
    except (ConfigError, CorruptIndex, PublishError, OSError) as error:
        print(f"fileindex: {error}", file=sys.stderr)
        return 2
    return 0
