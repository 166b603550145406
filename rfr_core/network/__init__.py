"""RFR-Net itself, in the released form and in the paper's, and the plug-in module."""

from rfr_core.network.attention import ContextualAttention, KnowledgeConsistentAttention
from rfr_core.network.attention_memory import AttentionMemory
from rfr_core.network.gated_conv import GatedConv2d
from rfr_core.network.learnable_attention_map import LearnableAttentionMap
from rfr_core.network.partial_conv import PartialConv2d
from rfr_core.network.reasoning import AreaIdentification, FeatureReasoning, Recurrence, RecurrentFeatureReasoning
from rfr_core.network.rfr_net import NetworkStep, RFRNet

__all__ = [
    "AreaIdentification",
    "AttentionMemory",
    "ContextualAttention",
    "FeatureReasoning",
    "GatedConv2d",
    "KnowledgeConsistentAttention",
    "LearnableAttentionMap",
    "NetworkStep",
    "PartialConv2d",
    "RFRNet",
    "Recurrence",
    "RecurrentFeatureReasoning",
]
