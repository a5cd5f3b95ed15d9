"""What templates share: `{% load look %}` brings money, icons, gauges and the rail's links.

No queries and no rules here: tags only show what a view hands them. Start with `look`; `gauges`
holds the arithmetic of the bar.
"""
