from worker.lab.bench.comparison import in_turn
from worker.lab.bench.contestants import CONTESTANTS


def test_everybody_has_a_turn_in_each_round_and_nobody_is_always_first() -> None:
    taking_part = [CONTESTANTS[name] for name in ("worker", "unguarded", "bytes")]
    names = [contestant.name for contestant in in_turn(taking_part, 3)]
    assert names == [
        *("worker", "unguarded", "bytes"),
        *("bytes", "unguarded", "worker"),
        *("worker", "unguarded", "bytes"),
    ]
