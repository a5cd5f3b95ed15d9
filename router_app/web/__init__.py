"""The page face: one module per page area, each with templates of the same name.

A view asks "may this person?", makes one call, renders. Money, models and providers are reached
through `gateway/` and `analytics/` only.
"""
