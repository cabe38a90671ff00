"""The edge to this machine's files: DirStore, LocalCatalog and LogTree.

``stores`` is the directory as a store, ``catalog`` the tables and partitions in one SQLite
file, ``tree`` a directory of logs that is read as it lies.
"""

from athena_flow.local.catalog import LocalCatalog
from athena_flow.local.stores import DirStore, folder_location
from athena_flow.local.tree import Listing, LogTree, first_line, list_logs, tree_of

__all__ = [
    "DirStore",
    "Listing",
    "LocalCatalog",
    "LogTree",
    "first_line",
    "folder_location",
    "list_logs",
    "tree_of",
]
