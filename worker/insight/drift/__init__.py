"""The canary of shape: what the newest observations of a bookmaker are like, against its own past.

``shapes`` counts what became of a sample and names the signs of a change, ``hours`` judges one hour against
those before it: these are pure. ``sampling`` reads and plans samples, ``canary`` writes a row for each
bookmaker and hour, and opens and closes alarms.
"""
