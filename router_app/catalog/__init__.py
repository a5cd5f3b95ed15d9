"""From rows to frozen specs: which models exist, at which rates, under which policy.

`snapshot.py` is what the gateway reads; `seed.py` holds the catalogue a new installation starts
with. Choosing among models is `routing/`'s, calling them `providers/`'s.
"""
