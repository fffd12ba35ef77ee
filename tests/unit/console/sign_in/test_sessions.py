"""Sessions end by age, by idleness and by order; no identifier is taken from outside."""

from worker.console.sign_in.sessions import SignInSessions


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def sessions(clock: Clock, most: int = 100) -> SignInSessions:
    return SignInSessions(clock, length_s=100, idle_s=30, most=most)


def test_a_session_is_found_by_its_identifier_alone() -> None:
    store = sessions(Clock())
    first, second = store.begin("ada", ("editor",)), store.begin("ada", ("editor",))
    assert first != second
    assert len(first) >= 43
    found, other = store.find(first), store.find(second)
    assert found is not None
    assert other is not None
    assert found.name == "ada"
    assert found.csrf != other.csrf
    assert store.find("planted") is None
    assert store.find("") is None
    assert store.find(None) is None


def test_a_session_ends_when_it_is_not_used() -> None:
    clock = Clock()
    store = sessions(clock)
    identifier = store.begin("ada", ())
    clock.now_s = 29
    assert store.find(identifier) is not None
    clock.now_s = 58
    assert store.find(identifier) is not None
    clock.now_s = 88
    assert store.find(identifier) is None


def test_a_session_ends_after_its_length_however_much_it_is_used() -> None:
    clock = Clock()
    store = sessions(clock)
    identifier = store.begin("ada", ())
    for second in range(0, 100, 10):
        clock.now_s = second
        assert store.find(identifier) is not None
    clock.now_s = 100
    assert store.find(identifier) is None
    assert len(store) == 0


def test_of_too_many_sessions_the_one_unused_for_longest_ends() -> None:
    clock = Clock()
    store = sessions(clock, most=2)
    first, second = store.begin("ada", ()), store.begin("bob", ())
    store.find(first)
    third = store.begin("eve", ())
    assert store.find(second) is None
    assert store.find(first) is not None
    assert store.find(third) is not None


def test_a_session_that_is_ended_is_gone() -> None:
    store = sessions(Clock())
    identifier = store.begin("ada", ())
    store.end(identifier)
    store.end(identifier)
    assert store.find(identifier) is None


def test_what_an_open_page_asks_by_itself_does_not_prolong_a_session() -> None:
    clock = Clock()
    store = sessions(clock)
    identifier = store.begin("ada", ())
    for now_s in (10, 20, 29):
        clock.now_s = now_s
        assert store.find(identifier, is_use=False) is not None
    clock.now_s = 30
    assert store.find(identifier, is_use=False) is None
