"""The projects below are run on their own, from their own folders."""

collect_ignore_glob = ["*"]
