"""What the learners of several nodes have learned apart from each other, made one.

Federated averaging (McMahan et al. 2017, "Communication-efficient learning of deep networks from
decentralized data"): every site begins a round at the same parameters, the base, and goes on by
itself; the next base is the mean of what they come to, weighted by the experience that each has
added. For a network that experience is one number, for a table it is the visits of each value, so
that who never was in a state says nothing about it. ``median`` takes, number by number, the median
of the sites instead (Yin et al. 2018, "Byzantine-robust distributed learning"), whatever they claim
to have seen.

Sites are not trusted to be right. One whose parameters are malformed, of another shape than most
or beyond a bound is left out and named. What one site may change in a round is bounded by a norm,
and so is its weight, for the experience is its own claim. Knows neither clocks nor how parameters
travel.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rl.federated.forms import (
    MOST_EXPERIENCE,
    NETWORKS,
    OF_STATE,
    STRATEGIES,
    Floats,
    Form,
    Indexes,
    Signature,
    check_numbers,
    read,
    write,
)
from rl.federated.terms import LARGEST, Terms
from rl.merging import Mergeable
from rl.vocabulary import Parameters

Truths: TypeAlias = npt.NDArray[np.bool_]

TINY = 1e-300

ENOUGH_TO_COMPARE = 3
"""Sites from which on the others can tell that one of them is far off."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge.

    Attributes:
        parameters: None if there is nothing yet.
        taken: by site, the experience that it has added.
        refused: by site, why its parameters were left out.
        clipped: sites whose change was scaled down.
    """

    parameters: Parameters | None
    taken: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    clipped: tuple[str, ...] = ()


def merge(
    base: Parameters | None,
    offers: Mapping[str, Parameters],
    terms: Terms,
    dice: random.Random | None = None,
    own: str = "",
) -> Merged:
    """What all sites know together. The result does not depend on the order of the sites.

    Networks that have no base in common are not averaged, for the mean of two that were drawn apart
    is as good as neither: one of them becomes the base of all.

    Args:
        base: what the sites of ``offers`` began at; None if they began apart.
        dice: for the noise.
        own: the site that is trusted, if it is among them.

    Raises:
        ValueError: noise without dice.
    """
    if terms.noise and dice is None:
        raise ValueError("noise: needs dice")
    forms: dict[str, Form] = {}
    refused: dict[str, str] = {}
    for site in sorted(offers):
        try:
            forms[site] = read(offers[site], terms.largest)
        except ValueError as error:
            refused[site] = str(error)
    # Who has learned nothing yet says nothing.
    forms = {site: form for site, form in forms.items() if len(form.values)}
    began = None if base is None else read(base, inf)
    wanted = _prevailing(forms, began, own)
    if wanted is None:
        return Merged(base, refused=refused)
    for site in [site for site, form in forms.items() if form.signature != wanted]:
        refused[site] = _different(forms.pop(site).signature, wanted)
    if began is not None and began.signature != wanted:
        began = None  # most have moved on to another encoder or network
    first = forms.get(own) or began or next(iter(forms.values()))
    if began is None and wanted.kind in NETWORKS:
        chosen = own if own in forms else _medoid(forms)
        taken = {chosen: forms[chosen].experience}
        return Merged(write(forms[chosen]), taken, refused)
    added = {
        site: max(0, form.experience - (began.experience if began else 0))
        for site, form in forms.items()
    }
    merged, clipped = _merged(began, forms, terms, dice)
    whole = replace(
        merged,
        experience=(began.experience if began else 0) + sum(added.values()),
        rest=first.rest,
    )
    return Merged(write(whole), added, refused, clipped)


def merge_learners(
    learner: Mergeable,
    base: Parameters | None,
    offers: Mapping[str, Parameters],
    largest: float = LARGEST,
) -> Merged:
    """The same for a learner whose parameters it alone understands, such as marginal_cost: means by
    its own ``merged``, without median, clipping or noise."""
    fitting: dict[str, Parameters] = {}
    refused: dict[str, str] = {}
    for site in sorted(offers):
        try:
            check_numbers(offers[site], max(largest, float(MOST_EXPERIENCE)))
            learner.merged(None, [offers[site]])
            fitting[site] = offers[site]
        except ValueError as error:
            refused[site] = str(error)
    if not fitting:
        return Merged(base, refused=refused)
    found = learner.merged(base, list(fitting.values()))
    return Merged(found, dict.fromkeys(fitting, 1), refused)


def catch_up(began: Parameters | None, merged: Parameters, now: Parameters) -> Parameters:
    """What a site goes on with: what all know together, and what it has learned itself meanwhile.

    A table's value is an estimate, so the two are averaged by what each has seen; two estimates of
    the same thing that were added up would overshoot. The steps of a network's weights are added.

    Args:
        began: what of the site's own is in ``merged``; None if nothing is.

    Raises:
        ValueError: ``merged`` is malformed or does not fit what the site learns now.
    """
    theirs = read(merged, inf)
    mine = read(now, inf)
    start = None if began is None else read(began, inf)
    if start is not None and start.signature != mine.signature:
        start = None
    if not len(mine.values) and theirs.signature.kind == mine.signature.kind:
        return write(replace(theirs, rest=mine.rest))
    if theirs.signature != mine.signature:
        raise ValueError(_different(theirs.signature, mine.signature))
    if mine.signature.kind in NETWORKS:
        if start is None:
            return write(replace(theirs, rest=mine.rest))
        steps = max(0, mine.experience - start.experience)
        values = theirs.values + (mine.values - start.values)
        whole = replace(theirs, values=values, experience=theirs.experience + steps, rest=mine.rest)
        return write(whole)
    both = {"merged": theirs, "now": mine}
    whole, _ = _merged(start, both, Terms(clip_ratio=None, caution=0.0), None)
    before = start.experience if start else 0
    added = sum(max(0, form.experience - before) for form in both.values())
    return write(replace(whole, experience=before + added, rest=mine.rest))


def _prevailing(forms: Mapping[str, Form], began: Form | None, own: str) -> Signature | None:
    """The signature that most have; among as many, the own site's, else the base's."""
    counts = Counter(form.signature for form in forms.values())
    mine = forms[own].signature if own in forms else None
    before = began.signature if began else None
    return max(
        counts,
        key=lambda each: (counts[each], each == mine, each == before, repr(each)),
        default=None,
    )


def _different(found: Signature, wanted: Signature) -> str:
    if found.kind != wanted.kind:
        return f"kind: is {found.kind}, of the others {wanted.kind}"
    if found.version != wanted.version:
        name = "version" if found.kind in STRATEGIES else "encoder"
        return f"{name}: is {found.version}, of the others {wanted.version}"
    shapes = dict(wanted.shapes)
    for name, shape in found.shapes:
        if shapes.pop(name, None) != shape:
            at = f"arrays.{name}" if found.kind in NETWORKS else name
            return f"{at}: has the shape {shape}, which is not that of the others"
    return f"arrays.{next(iter(shapes), '')}: is missing"


def _medoid(forms: Mapping[str, Form]) -> str:
    """Who is nearest to all others together; a site far off is never it."""
    sites = list(forms)
    return min(
        sites,
        key=lambda site: sum(
            float(np.linalg.norm(forms[site].values - forms[other].values)) for other in sites
        ),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What sites say of all numbers: a row for each site, a column for each number.

    Attributes:
        base, visits: what they began at.
        new: columns that the base knows nothing of.
        values: of the sites; they count where they are ``held``.
        added: visits since the base.
        weights: what each counts for.
    """

    base: Floats
    visits: Floats
    new: Truths
    values: Floats
    held: Truths
    added: Floats
    weights: Floats

    @property
    def heard(self) -> Truths:
        return self.weights > 0.0


def _merged(
    began: Form | None, forms: Mapping[str, Form], terms: Terms, dice: random.Random | None
) -> tuple[Form, tuple[str, ...]]:
    """Values and counts of all, and who was clipped."""
    like = next(iter(forms.values()))
    places = _places(forms.values())  # what nobody holds any more is forgotten
    said = _said(began, list(forms.values()), places)
    base, heard = _begun(said, like.rows is not None), said.heard
    total = said.added.sum(axis=0)
    changes = np.where(heard, said.values - base, 0.0)
    scales = _scales(changes, said.weights, terms, places is None)
    changes *= scales[:, None]
    if terms.method == "median":
        step = _medians(changes, heard)
    else:
        shares = _capped(said.weights, terms.most_share)
        step = (changes * shares).sum(axis=0) / np.maximum(shares.sum(axis=0), TINY)
    if like.rows is not None and places is not None:
        part = total / np.maximum(total + terms.caution, TINY)
        step = np.where(_of_actions(places) & (total > 0.0), step * part, step)
    values = base + step
    if terms.noise and terms.clip_norm is not None and dice is not None:
        some = np.atleast_1d(heard.any(axis=0))
        deviation = terms.noise * terms.clip_norm / len(forms)
        drawn = [dice.gauss(0.0, deviation) if each else 0.0 for each in some]
        values = values + np.array(drawn)
    keys = None if places is None else tuple(places)
    clipped = tuple(site for site, scale in zip(forms, scales, strict=True) if scale < 1.0)
    return replace(like, keys=keys, values=values, counts=said.visits + total), clipped


def _said(
    began: Form | None, forms: Sequence[Form], places: Mapping[Hashable, int] | None
) -> _Said:
    width = len(forms[0].values) if places is None else len(places)
    base, visits, new = np.zeros(width), np.zeros(width), np.ones(width, dtype=bool)
    if began is not None:
        of, where = _where(began, places)
        base[where], visits[where], new[where] = began.values[of], began.counts[of], False
    values = np.zeros((len(forms), width))
    added, beside = np.zeros_like(values), np.zeros_like(values)
    held = np.zeros(values.shape, dtype=bool)
    for row, form in enumerate(forms):
        _, where = _where(form, places)
        fresh = np.maximum(form.counts - visits[where], 0.0)
        values[row, where], held[row, where], added[row, where] = form.values, True, fresh
        if form.rows is not None:
            beside[row, where] = np.bincount(form.rows, fresh)[form.rows]
    # What nobody has tried in a state was learned by whoever was in it.
    weights = np.where(added.sum(axis=0) > 0.0, added, beside)
    return _Said(base, visits, new, values, held, added, weights)


def _begun(said: _Said, along: bool) -> Floats:
    """What sites' changes are changes of. Of what the base does not know a change is what sets a
    site apart from the others.

    Args:
        along: untried actions are learned of along with tried ones, so that where somebody has not
            tried one, its value there is what it was before.
    """
    base = said.base.copy()
    base[said.new] = _medians(said.values[:, said.new], said.heard[:, said.new])
    if along:
        untried = said.held & (said.added == 0.0)
        known = said.new & untried.any(axis=0)
        base[known] = _medians(said.values[:, known], untried[:, known])
    return base


def _of_actions(places: Mapping[Hashable, int]) -> Truths:
    """Which columns are of an action, and not of a state's mean."""
    return np.array([isinstance(key, tuple) and key[1] != OF_STATE for key in places], dtype=bool)


def _places(forms: Iterable[Form]) -> dict[Hashable, int] | None:
    """Where each number of a table stands among those of all; None where it stands itself."""
    places: dict[Hashable, int] = {}
    for form in forms:
        if form.keys is None:
            return None
        for key in form.keys:
            places.setdefault(key, len(places))
    return places


def _where(form: Form, places: Mapping[Hashable, int] | None) -> tuple[Indexes, Indexes]:
    """Which of its numbers all have a place for, and where."""
    if places is None or form.keys is None:
        same = np.arange(len(form.values))
        return same, same
    found = [(i, places[key]) for i, key in enumerate(form.keys) if key in places]
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _medians(found: Floats, heard: Truths) -> Floats:
    """By column, of those heard; 0 where nobody is."""
    middle = np.zeros(found.shape[1])
    some = heard.any(axis=0)
    if some.any():
        middle[some] = np.nanmedian(np.where(heard, found, np.nan)[:, some], axis=0)
    return middle


def _scales(changes: Floats, weights: Floats, terms: Terms, whole: bool) -> Floats:
    """By which factor each site's change is made smaller."""
    squares = (changes * changes).sum(axis=1)
    if not whole:
        squares = squares / np.maximum((weights > 0.0).sum(axis=1), 1)
    norms = np.sqrt(squares)
    limit = inf if terms.clip_norm is None else terms.clip_norm
    heard = norms[weights.any(axis=1)]
    if terms.clip_ratio is not None and len(heard) >= ENOUGH_TO_COMPARE:
        middle = float(np.median(heard))
        if middle > 0.0:
            limit = min(limit, terms.clip_ratio * middle)
    return np.where(norms > limit, limit / np.maximum(norms, TINY), 1.0)


def _capped(weights: Floats, most_share: float) -> Floats:
    """Nobody has more than this share, where there are enough to compare."""
    if most_share >= 1.0:
        return weights
    found = weights.copy()
    many = (weights > 0.0).sum(axis=0) >= ENOUGH_TO_COMPARE
    first = weights.argmax(axis=0)
    columns = np.arange(weights.shape[1])
    largest = weights[first, columns]
    most = (weights.sum(axis=0) - largest) * (most_share / (1.0 - most_share))
    found[first, columns] = np.where(many, np.minimum(largest, most), largest)
    return found
