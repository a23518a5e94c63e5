"""The page of the VPNs: a card of every driver, and the page in the repository is what they say."""

from pathlib import Path

from meshbench import vpns
from meshbench.report import cards
from tests.unit import making

PAGE = Path(__file__).parents[2] / "docs/vpns.md"


def test_every_driver_has_a_whole_card() -> None:
    assert cards.missing() == {}


def test_the_page_in_the_repository_is_the_drivers() -> None:
    assert PAGE.read_text(encoding="utf-8") == cards.page(), "docs/vpns.md: run `make docs`"


def test_a_card_tells_the_options_and_their_defaults() -> None:
    page = cards.page()
    for name in vpns.names():
        assert f"Driver `{name}`." in page
        for option in vpns.load(name).options_class.model_fields:
            assert f"`{option}: " in page
    assert "`tcp_only: false`" in page
    assert "`cipher: null`" in page


def test_versions_come_from_the_records() -> None:
    records = [making.record() for _ in range(4)]
    for record, version in zip(records, ("1.9.3", "1.9.3", "1.10.0", None), strict=True):
        record.vpn.driver, record.vpn.version = "nebula", version
    cell = records[0].cell.vpn
    versions = cards.measured(records)
    assert versions == {"nebula": [f"1.10.0 ({cell})", f"1.9.3 ({cell})"]}
    page = cards.page(versions)
    assert f"| Versions measured | 1.10.0 ({cell}), 1.9.3 ({cell}) |" in page
    assert page.count("| Versions measured | none |") == len(vpns.names()) - 1
    assert "Versions measured" not in cards.page()
