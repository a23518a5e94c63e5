"""Templates: what is put in stays text, and a value that lacks is an error."""

import jinja2
import pytest

from meshbench.util import templates

ODD = '</script><b>"it\'s" & so on'


def test_what_is_put_in_stays_text() -> None:
    text = templates.html(
        "meshbench.report", "import.html", counts=[(ODD, "1")], left_out=[("a", ODD)]
    )
    escaped = "&lt;/script&gt;&lt;b&gt;&#34;it&#39;s&#34; &amp; so on"
    assert text.count(f"<td>{escaped}</td>") == 2
    assert "<b>" not in text


def test_a_value_that_lacks_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="left_out"):
        templates.html("meshbench.report", "import.html", counts=[])
