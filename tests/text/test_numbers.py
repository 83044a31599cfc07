"""Numbers keep their values whatever language writes them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.text.numbers import localised, number_values, separators

LANGUAGES = ["en", "pt", "de", "fr", "es", "pl", "ja", "de-CH", "pt-PT", "pt-BR", "ru", "xx"]
language = st.sampled_from(LANGUAGES)


def formatted(value: Decimal, code: str) -> str:
    """The reference: Python's own grouping with the marks exchanged."""
    marks = separators(code)
    return f"{value:,}".translate({ord(","): marks.group, ord("."): marks.decimal})


@pytest.mark.parametrize(
    ("written", "src", "tgt", "expected"),
    [
        ("1,234.5", "en", "pt", "1.234,5"),
        ("1,234.5", "en", "de", "1.234,5"),
        ("1,234.5", "en", "fr", "1\u202f234,5"),
        ("$1,234.50", "en", "de", "$1.234,50"),
        ("1,234", "en", "de", "1.234"),
        ("1.234", "de", "en", "1,234"),
        ("1.234", "en", "de", "1,234"),
        ("0,125", "de", "en", "0.125"),
        ("1 234,5", "fr", "en", "1,234.5"),
        ("1\u202f234\u202f567", "fr", "pt", "1.234.567"),
        ("1’234.50", "de-CH", "de", "1.234,50"),
        ("12,34,567.8", "en", "de", "1.234.567,8"),
        ("-5.5%", "en", "es", "-5,5%"),
        ("1.5-2.5", "en", "pt", "1,5-2,5"),
        (".5", "en", "de", "0,5"),
        ("1.5e-5", "en", "de", "1,5e-5"),
        ("R$ 3,50", "pt-BR", "en", "R$ 3.50"),
    ],
)
def test_separators_follow_the_language(written: str, src: str, tgt: str, expected: str) -> None:
    assert localised(written, src, tgt) == expected


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2020",
            "1999",
            "10:30",
            "10.30 am",
            "10h30",
            "06.05.2020",
            "5/6/2020",
            "2020-05-06",
            "v1.2",
            "1.2.3",
        ),
        *("192.168.100.100", "2020-05-06T10:30:00.250Z", "1½", "4x4", "007"),
    ],
)
def test_dates_times_versions_and_years_stay(written: str) -> None:
    assert localised(written, "en", "de") == written
    assert localised(written, "de", "fr") == written


@given(
    st.decimals(-(10**9), 10**9, places=3) | st.integers(-(10**12), 10**12).map(Decimal), language, language
)
def test_the_value_is_the_same_in_every_language(value: Decimal, src: str, tgt: str) -> None:
    written = formatted(value, src)
    assert number_values(written, src) == [value]
    assert number_values(localised(written, src, tgt), tgt) == [value]
    assert localised(written, src, tgt) == formatted(value, tgt)


@given(st.text("0123456789.,-: '’/vx%$½e\u00a0\u202f", max_size=20), language, language)
def test_any_string_of_digits_and_marks_keeps_its_values_or_stays(written: str, src: str, tgt: str) -> None:
    new = localised(written, src, tgt)
    assert new == written or number_values(new, tgt) == number_values(written, src)


@given(st.text(), language)
def test_a_language_is_written_as_itself(text: str, code: str) -> None:
    assert localised(text, code, code) == text
    number_values(text, code)


def test_values_are_read_in_order_with_their_signs() -> None:
    text = "On 06.05.2020 at 10:30 it was -5 to 10-20, not 1,234.5, -$7 or 1,2,3; COVID-19 v2.1, ½ and 3."
    values = " ".join(map(str, number_values(text, "en")))
    assert values == "6 5 2020 10 30 -5 10 20 1234.5 -7 1 2 3 19 2 1 0.5 3"


def test_a_separator_means_what_the_language_says_only_where_it_is_ambiguous() -> None:
    assert number_values("1,234 1.234 1,234.5 1.234,5 0,125 1,23 1234,567", "en") == [
        Decimal(value) for value in ("1234", "1.234", "1234.5", "1234.5", "0.125", "1.23", "1234.567")
    ]
    assert number_values("1,234 1.234", "de") == [Decimal("1.234"), Decimal("1234")]
    assert number_values("12 300", "en") == [12, 300]
    assert number_values("12 300", "pl") == [12300]


def test_long_numbers_are_exact() -> None:
    digits = "12345678901234567890123456789012345"
    assert number_values(f"-{digits} {digits}.5e2", "en") == [-int(digits), 100 * int(digits) + 50]


def test_a_dash_with_a_space_is_no_sign() -> None:
    assert number_values("- 5 - 3 -2 -R$ 4", "en") == [5, 3, -2, -4]


def test_digits_of_other_scripts_have_values() -> None:
    assert number_values("٤٢ and ４２", "en") == [42, 42]
