"""The table of strategies: the name that a user types, and the class behind it. One strategy per file."""

from dataselect.registry import Registry

STRATEGIES = Registry(
    "strategy",
    {
        "random": "dataselect.strategies.random:Random",
        "full": "dataselect.strategies.full:Full",
        "longest": "dataselect.strategies.longest:Longest",
        "length-matched-random": "dataselect.strategies.length_matched_random:LengthMatchedRandom",
        "ppl-low": "dataselect.strategies.ppl_low:PplLow",
        "ppl-mid": "dataselect.strategies.ppl_mid:PplMid",
        "ppl-high": "dataselect.strategies.ppl_high:PplHigh",
        "bpb": "dataselect.strategies.bpb:Bpb",
        "shifted-fraction": "dataselect.strategies.shifted_fraction:ShiftedFraction",
        "mink": "dataselect.strategies.mink:MinK",
        "ifd-high": "dataselect.strategies.ifd_high:IfdHigh",
        "excess-loss": "dataselect.strategies.excess_loss:ExcessLoss",
        "aligned-likelihood": "dataselect.strategies.aligned_likelihood:AlignedLikelihood",
        "grape": "dataselect.strategies.grape:Grape",
        "zip": "dataselect.strategies.zip:Zip",
        "column": "dataselect.strategies.column:Column",
        "weighted": "dataselect.strategies.weighted:Weighted",
        "rrf": "dataselect.strategies.rrf:Rrf",
        "similarity": "dataselect.strategies.similarity:Similarity",
        "centroid": "dataselect.strategies.centroid:Centroid",
        "rds-plus": "dataselect.strategies.rds_plus:RdsPlus",
        "deita": "dataselect.strategies.deita:Deita",
        "k-center": "dataselect.strategies.k_center:KCenter",
        "kmeans": "dataselect.strategies.kmeans:KMeans",
        "facility-location": "dataselect.strategies.facility_location:FacilityLocation",
        "semdedup": "dataselect.strategies.semdedup:SemDedup",
        "entropy-loo": "dataselect.strategies.entropy_loo:EntropyLoo",
        "dsir": "dataselect.strategies.dsir:Dsir",
    },
)
"""Every strategy by the name that a user types."""
