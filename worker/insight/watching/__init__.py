"""The insight process: watches events, and writes what their odds say about mappings and missed markets.

``stored`` is how a board is kept, ``window`` which events are, ``judgement`` what follows from them: these
are pure. ``following`` leads, ``reading`` reads observations meanwhile, ``turns`` judges and writes the
findings; ``process`` runs it all.
"""
