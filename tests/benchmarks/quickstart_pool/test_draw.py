import pytest
from quickstart_pool.draw import Draw


def test_the_same_name_gives_the_same_stream_and_another_name_another():
    def draws(*entropy):
        draw = Draw(*entropy)
        return [draw.integer(0, 10**6) for _ in range(5)]

    assert draws(3, 1) == draws(3, 1)
    assert draws(3, 1) != draws(3, 2)
    assert draws(3, 1) != draws(1, 3)


def test_integers_reach_both_ends_and_nothing_else():
    draw = Draw(0)
    assert {draw.integer(2, 4) for _ in range(100)} == {2, 3, 4}


def test_shuffled_keeps_the_members_and_leaves_the_argument_alone():
    members = list(range(20))
    order = Draw(1).shuffled(members)
    assert sorted(order) == members == list(range(20))
    assert order != members


def test_every_order_of_three_is_about_equally_likely():
    draw, counts = Draw(2), {}
    for _ in range(6000):
        order = tuple(draw.shuffled("abc"))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert all(count == pytest.approx(1000, abs=150) for count in counts.values())  # five standard deviations


def test_sample_draws_without_replacement():
    assert len(set(Draw(3).sample(range(10), 10))) == 10


def test_chance_is_a_percentage():
    draw = Draw(4)
    assert not any(draw.chance(0) for _ in range(50))
    assert all(draw.chance(100) for _ in range(50))
    assert sum(draw.chance(30) for _ in range(10_000)) == pytest.approx(3000, abs=250)
