"""Each octet of a message explained: what it is, what it says, which rule fixes it, which is broken."""

from __future__ import annotations

from .explanation import Explanation, explain
from .spans import Finding, Span

__all__ = ["Explanation", "Finding", "Span", "explain"]
