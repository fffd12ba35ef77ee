"""Failures are limited by name and by address."""

import pickle

from worker.console.sign_in.attempts import MOST_BY_ADDRESS, MOST_BY_NAME, WINDOW_S, Attempts


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_name_is_not_guessed_from_many_addresses() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_BY_NAME):
        assert attempts.wait_s("ada", f"192.0.2.{number}") == 0
        attempts.failed("ada", f"192.0.2.{number}")
    assert attempts.wait_s("ada", "198.51.100.1") == WINDOW_S
    assert attempts.wait_s("ADA", "198.51.100.1") == WINDOW_S
    assert attempts.wait_s("bob", "198.51.100.1") == 0


def test_an_address_does_not_try_many_names() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_BY_ADDRESS):
        attempts.failed(f"name{number}", "192.0.2.1")
    assert attempts.wait_s("bob", "192.0.2.1") > 0
    assert attempts.wait_s("bob", "192.0.2.2") == 0


def test_the_wait_ends_when_the_first_failure_is_old() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST_BY_NAME):
        attempts.failed("ada", "192.0.2.1")
        clock.now_s += 10
    waited = attempts.wait_s("ada", "192.0.2.1")
    assert waited == WINDOW_S - 10 * MOST_BY_NAME
    clock.now_s += waited
    assert attempts.wait_s("ada", "192.0.2.1") == 0


def test_a_success_clears_the_name_but_not_the_address() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_BY_ADDRESS):
        attempts.failed("ada" if number < MOST_BY_NAME else f"name{number}", "192.0.2.1")
    attempts.succeeded("ada", "203.0.113.9")
    assert attempts.wait_s("ada", "192.0.2.2") == 0
    assert attempts.wait_s("ada", "192.0.2.1") > 0


def test_whoever_tries_very_many_names_is_still_limited() -> None:
    attempts = Attempts(Clock())
    for number in range(12_000):
        attempts.failed(f"name{number}", "192.0.2.1")
    assert attempts.wait_s("bob", "192.0.2.1") > 0


def test_people_of_one_office_who_sign_in_do_not_lock_it_out() -> None:
    attempts = Attempts(Clock())
    for number in range(3 * MOST_BY_ADDRESS):
        assert attempts.wait_s(f"name{number}", "192.0.2.1") == 0
        attempts.failed(f"name{number}", "192.0.2.1")
        attempts.succeeded(f"name{number}", "192.0.2.1")


def test_a_success_takes_back_no_failure_of_others_at_its_address() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_BY_ADDRESS - 1):
        attempts.failed(f"name{number}", "192.0.2.1")
        attempts.failed("mallory", "192.0.2.1")
        attempts.succeeded("mallory", "192.0.2.1")
    assert attempts.wait_s("bob", "192.0.2.1") == 0
    attempts.failed("bob", "192.0.2.1")
    assert attempts.wait_s("bob", "192.0.2.1") > 0


def test_the_addresses_of_one_network_of_ipv6_count_together() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST_BY_ADDRESS):
        attempts.failed(f"name{number}", f"2001:db8:1:2::{number:x}")
    assert attempts.wait_s("bob", "2001:db8:1:2:ffff::1") > 0
    assert attempts.wait_s("bob", "2001:db8:1:3::1") == 0


def test_a_very_long_name_is_not_kept() -> None:
    attempts = Attempts(Clock())
    attempts.failed("n" * 1_000_000, "a" * 1_000_000)
    pickled = pickle.dumps(list(attempts._failures))
    assert len(pickled) < 1000
