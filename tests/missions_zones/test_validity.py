"""When zones are in force, against every minute of a week counted one by one."""

from __future__ import annotations

import datetime as dt

import pytest

from missions.zone_files.validity import Period, in_force, parse_hours, parse_time


def utc(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def test_a_period_meets_the_patrol_or_not():
    july = Period(start_utc=utc("2026-07-01T00:00"), end_utc=utc("2026-08-01T00:00"))
    assert in_force((july,), utc("2026-07-31T23:00"), utc("2026-08-01T04:00"))
    assert not in_force((july,), utc("2026-08-01T00:00"), utc("2026-08-01T04:00"))
    assert in_force((july,), None, None)
    assert in_force((july,), utc("2026-06-01T00:00"), None)
    assert not in_force((july,), utc("2026-09-01T00:00"), None)
    assert in_force((), utc("2026-09-01T00:00"), utc("2026-09-02T00:00"))


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [
        (["MON", "TUE"], "08:00:00+02:00", "18:00:00+02:00"),
        (["FRI"], "22:00Z", "04:00Z"),
        (["SUN"], "23:30:00-03:00", "23:45:00-03:00"),
        (["WED"], "00:30+02:00", "03:00+02:00"),
        (["ANY"], "21:00", "05:00"),
        (["SAT"], "18:00:00+01:00", "24:00:00.00+01:00"),
        (["SUN", "WED"], "00:00Z", "24:00Z"),
    ],
)
def test_weekly_hours_against_counting_minutes(days, start, end):
    hours = parse_hours(days, start, end)
    end = end.replace("24:00", "00:00")  # which the counting takes as the end of the day
    zone = dt.time.fromisoformat(start).tzinfo or dt.UTC
    first, last = dt.time.fromisoformat(start).replace(tzinfo=None), dt.time.fromisoformat(end).replace(tzinfo=None)
    names = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

    def held(minute):
        local = minute.astimezone(zone)
        for back in (0, 1):
            day = (local - dt.timedelta(days=back)).date()
            opens = dt.datetime.combine(day, first, zone)
            closes = dt.datetime.combine(day, last, zone)
            closes = closes if closes > opens else closes + dt.timedelta(days=1)
            if (names[day.weekday()] in days or days == ["ANY"]) and opens <= local < closes:
                return True
        return False

    monday = utc("2026-07-06T00:00")
    for quarter in range(7 * 96):
        minute = monday + quarter * dt.timedelta(minutes=15)
        meets = in_force((Period(hours=(hours,)),), minute, minute + dt.timedelta(minutes=1))
        assert meets == held(minute), minute


def test_a_period_that_ends_before_it_begins_opens_no_air():
    slip = Period(start_utc=utc("2026-07-22T07:00"), end_utc=utc("2026-07-22T06:50"))
    assert in_force((slip,), utc("2026-09-01T00:00"), utc("2026-09-02T00:00"))


def test_sunrise_is_the_whole_day_and_no_day_is_every_day():
    hours = parse_hours([], None, "18:00")
    assert in_force((Period(hours=(hours,)),), utc("2026-07-06T03:00"), utc("2026-07-06T03:01"))


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01", "9999-12-31T23:59:59-14:00"])
def test_times_that_are_none_are_named(bad):
    with pytest.raises(ValueError, match="is no date and time"):
        parse_time(bad)


def test_weekdays_that_are_none_are_named():
    with pytest.raises(ValueError, match="'FOO' is no weekday"):
        parse_hours(["FOO"], "08:00", "09:00")


def test_the_end_of_a_day_is_the_start_of_the_next():
    assert parse_time("2026-12-31T24:00:00Z") == utc("2027-01-01T00:00")
    assert parse_time("2026-02-28T24:00") == utc("2026-03-01T00:00")
    for bad in ("2026-12-31T24:01:00Z", "2026-12-31T24:00:01Z"):
        with pytest.raises(ValueError, match="is no date and time"):
            parse_time(bad)
