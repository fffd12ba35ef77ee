"""What the worker is compared with. Each is a process of its own: `python -m worker.lab.bench.peers.NAME`.

All of them read the worker's settings from the environment, fetch and publish as the worker does, and say on
stdout when they begin.
"""
