"""KubeLedger's MCP server: ten read-only tools over the dataset that the collector publishes."""

__version__ = "0.1.0"
