"""Choose supervised fine-tuning data by measuring."""

__version__ = "0.1.0"
