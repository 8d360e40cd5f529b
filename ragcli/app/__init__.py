"""The composition root: the only place that names adapters and stacks wrappers around them."""

from ragcli.app.models import STATIC, Models, loading
from ragcli.app.workspace import Workspace, open_keywords, open_workspace

__all__ = ["STATIC", "Models", "Workspace", "loading", "open_keywords", "open_workspace"]
