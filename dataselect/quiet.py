"""Keep the progress bars of transformers out of ours: one bar per stage is what a user wants to see."""

from __future__ import annotations


def quiet_transformers() -> None:
    """Switch off transformers' own bars for loading and writing weights; warnings stay."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
