"""Text encoders, the FAISS index and similarity to a target set: the baselines that perplexity is measured against.

`embed` runs the whole stage. Selection by embeddings lives in the strategies.
"""

from dataselect.embeddings.encoder import Encoder
from dataselect.embeddings.encoders import ENCODERS, load_encoder
from dataselect.embeddings.request import EmbedRequest, EmbedSummary
from dataselect.embeddings.run import embed

__all__ = ["ENCODERS", "EmbedRequest", "EmbedSummary", "Encoder", "embed", "load_encoder"]
