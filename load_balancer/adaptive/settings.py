"""Adaptive shaping as configured, and as agents use it; from one to the other and back."""

from __future__ import annotations

from config.adaptive import AdaptiveShaping, EnvelopeBounds
from config.adaptive import Path as PathSettings
from load_balancer.shaping.adaptive_records import AdaptiveSettings, Path, RuleEnvelope
from rl.shaping.agents import Conduct
from rl.shaping.envelope import Envelope


def settings_of(section: AdaptiveShaping) -> AdaptiveSettings:
    """What stands in the configuration, ready for use."""
    return AdaptiveSettings(
        {each.rule: envelope_of(each) for each in section.envelopes},
        agent=section.agent,
        share=section.share,
        weights=section.weights,
        cooperative=section.cooperative,
        history=section.history,
        clients=section.clients,
        conduct=Conduct(
            explore_most=section.explore_most,
            explore_least=section.explore_least,
            explore_decay=section.explore_decay,
            discount=section.discount,
            prior=section.prior,
        ),
        guard=section.guard,
    )


def envelope_of(section: EnvelopeBounds) -> RuleEnvelope:
    """The bounds of one rule."""
    paths = tuple(
        Path(
            each.pool,
            None if each.source_address is None else str(each.source_address),
            each.interface,
        )
        for each in section.paths
    )
    return RuleEnvelope(Envelope(section.bounds(), len(paths) + 1, section.frozen), paths)


def section_of(envelope: RuleEnvelope) -> EnvelopeBounds:
    """The same the other way."""
    return EnvelopeBounds.model_validate(
        {
            **envelope.envelope.bounds,
            "paths": [
                PathSettings.model_validate(
                    {
                        "pool": each.pool,
                        "source_address": each.source_address,
                        "interface": each.interface,
                    }
                )
                for each in envelope.paths
            ],
            "frozen": envelope.envelope.frozen,
        }
    )
