"""How each kind of effect is brought about on a forge; `bot.engine.publisher` says which is for which."""
