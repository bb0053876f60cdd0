"""The audit: what is wrong with a pool before anything is scored, and what each filter would remove."""

from dataselect.recommendation.audit.request import AuditReport, AuditRequest
from dataselect.recommendation.audit.run import audit

__all__ = ["AuditReport", "AuditRequest", "audit"]
