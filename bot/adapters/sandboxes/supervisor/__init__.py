"""A program of its own, standard library only: runs one command and holds its whole process tree to limits.

It is started as `python -I -S` with this package's parent folder on its path, so that the bot's process need
not become a reaper or fork by hand, and so that the tree dies with the bot.
"""
