"""Pieces of generated pages in Markdown."""


def cell(text: str) -> str:
    """A text in a cell of a table: its bars part no cells and its angles begin no tags."""
    return text.replace("|", "\\|").replace("<", "&lt;")
