"""`dataselect verify`: check a backend, or recorded scores, against transformers in float32, one row at a time."""

from __future__ import annotations

from dataselect.scoring.verify.request import Verification, VerifyRequest
from dataselect.scoring.verify.run import verify

__all__ = ["Verification", "VerifyRequest", "verify"]
