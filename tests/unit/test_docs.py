"""Code in the documentation is code that tests run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_benchmark_that_the_documentation_adds_is_the_one_that_is_measured() -> None:
    page = (ROOT / "docs" / "add-a-benchmark.md").read_text(encoding="utf-8")
    module = (ROOT / "tests" / "throwaway" / "udp_rtt.py").read_text(encoding="utf-8")
    blocks = _BLOCK.findall(page)
    assert len(blocks) == 3
    for block in blocks:
        assert block in module.replace("  # fmt: skip", "")
