"""describe_dataset."""

from kl_mcp import __version__
from kl_mcp.tools.tool import tool
from kl_query.answers import dataset_description
from kl_query.dataset.model import Dataset


@tool(
    title="Describe the dataset",
    description=(
        "What can be asked: metrics, scales with their first and last bucket, cost model, currency and hourly rate, "
        "nodes with capacity, freshness and coverage per source. Call it first when you do not know the cluster, or "
        "when an answer was empty or carried warnings. Example: {}"
    ),
    paged=False,
)
def describe_dataset(dataset: Dataset) -> dataset_description.DescribeDatasetResult:
    """Answer a call."""
    return dataset_description.describe(dataset, server_version=__version__)
