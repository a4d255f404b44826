"""Pictures in Markdown, in Mermaid, which GitHub draws: each function gives a whole fenced block.

The empty string where there is nothing to draw. A picture shows nothing that its document does not say in words.
"""

from bot.reports.mermaid.chain import causal_chain
from bot.reports.mermaid.course import course_path
from bot.reports.mermaid.run import run_picture
from bot.reports.mermaid.times import incident_timeline, occurrences_by_revision

__all__ = ["causal_chain", "course_path", "incident_timeline", "occurrences_by_revision", "run_picture"]
