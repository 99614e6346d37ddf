"""How good a face is: lips against phones, in millimetres on the head, and what tells a live face from a dead one."""

from __future__ import annotations

from medtalk.quality.report import Finding, Report, report

__all__ = ["Finding", "Report", "report"]
