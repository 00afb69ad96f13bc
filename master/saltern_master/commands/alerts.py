"""``alerts.*``: thresholds, their states, who knows of them, and what is silenced."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import Annotated, Any

from saltern.errors import ArgumentError, CommandError, NotAuthorised
from saltern_master.alerts.history import Asked
from saltern_master.alerts.parse import RuleFault, seconds_of
from saltern_master.alerts.rule import OK
from saltern_master.alerts.silence import EVERY, Silence, check_glob, check_text, matcher
from saltern_master.auth.caller import Kind
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.shown import HIDDEN, local_time

MAX_LISTED = 5000
MAX_LOOKED_AT = 50_000
"""Of the latest changes that match, for one search."""
MAX_HOURS = 31 * 24
_OF_MINION = f"{Kind.MINION.value}:"


def _glob(glob: str) -> str:
    return check_glob(glob) if glob else ""


@command("runner.alerts.list", Need.RUNNER, reach=Reach.VISIBLE)
def listing(context: Context, wrong: bool = False) -> list[dict[str, Any]]:
    """List the rules, with faults and every series' state: ``saltern-run alerts.list``

    *wrong*: of the series those alone that aren't ok, which are few where there are many.
    A series has the state since ``since`` (``since_s`` in epoch seconds), ``acknowledged`` by whom, and what silences
    it (``silenced``). ``rule`` is what the rule says, ``place`` where, and ``editable`` whether alerts.rule_set changes
    it. Who sees some minions alone is shown the series that are about these, and no other, as far as
    ``metric_pattern`` tells; and of a rule that has none, nothing.
    """
    return [
        {
            **rule,
            "last_evaluated": _time(rule["last_evaluated"]),
            "series": [
                {**one, "since": _time(one["since"]), "since_s": one["since"]}
                | {name: _said(context, one.get(name)) for name in ("acknowledged", "silenced")}
                for one in rule["series"]
            ],
        }
        for rule in _visible(context, context.services.alerts.listing(wrong=wrong))
    ]


@command("runner.alerts.history", Need.RUNNER, reach=Reach.VISIBLE)
def history(
    context: Context,
    alert: Annotated[str, _glob] = "",
    series: Annotated[str, _glob] = "",
    minion: Annotated[str, _glob] = "",
    since: str | float | None = None,
    until: str | float | None = None,
    limit: int = 500,
) -> list[dict[str, Any]]:
    """List what alerts have changed to, newest first: ``saltern-run alerts.history minion=web1 since=2d limit=20``

    *alert*, *series* and *minion* are names or globs. *since*, *until*: epoch seconds, or how long ago, as ``2d``.
    Each change has its time ``at`` (epoch seconds), the ``minions`` that the series is about, as far as
    ``metric_pattern`` tells, the ``state`` and the ``previous`` one, ``value`` and ``threshold``, whether it was
    ``silenced``, and who knew of it (``acknowledged_by``).
    """
    if not 0 < limit <= MAX_LISTED:
        raise ArgumentError(f"limit must be between 1 and {MAX_LISTED:,}, not {limit}")
    asked = Asked(alert, series, _moment("since", since), _moment("until", until))
    found = []
    means = matcher(minion or EVERY)
    for entry in islice(context.services.alerts.history.find(asked), MAX_LOOKED_AT):
        about = entry.minions
        if (minion or context.limited) and (not about or not all(map(context.sees, about))):
            continue
        if not minion or any(map(means, about or ())):
            found.append(_by_seen(context, entry.shown(), "acknowledged_by"))
            if len(found) == limit:
                break
    return found


@command("runner.alerts.acknowledge", Need.RUNNER, changes=True, reach=Reach.VISIBLE)
async def acknowledge(
    context: Context, alert: str, series: str, comment: Annotated[str, check_text] = ""
) -> dict[str, Any]:
    """Say that a series which isn't ok is known: ``saltern-run alerts.acknowledge busy saltern.web1.stats.load.1m``

    Its script isn't run again and again (``repeat``) any more; changes are told as ever. It ends when the series is ok.
    """
    await _known(context, alert, series)
    state = context.services.alerts.state_of(alert, series)
    if state is None or state.state == OK:
        raise CommandError(f"{series!r:.200} of {alert:.100} is ok: there is nothing to acknowledge")
    one = await context.services.alerts.acknowledge(alert, series, context.caller.principal, comment)
    return one.shown()


@command("runner.alerts.unacknowledge", Need.RUNNER, changes=True, reach=Reach.VISIBLE)
async def unacknowledge(context: Context, alert: str, series: str) -> bool:
    """Take an acknowledgement back: ``saltern-run alerts.unacknowledge busy saltern.web1.stats.load.1m``"""
    await _known(context, alert, series)
    if context.services.alerts.acknowledgement_of(alert, series) is None:
        raise CommandError(f"{series!r:.200} of {alert:.100} is not acknowledged")
    await context.services.alerts.unacknowledge(alert, series)
    return True


@command("runner.alerts.silence", Need.RUNNER, changes=True, reach=Reach.VISIBLE)
async def silence(
    context: Context,
    reason: Annotated[str, check_text],
    ends: str | float,
    alert: Annotated[str, check_glob] = EVERY,
    series: Annotated[str, check_glob] = EVERY,
    minion: Annotated[str, check_glob] = EVERY,
) -> str:
    """Silence alerts for a while, and return the id of that: ``saltern-run alerts.silence "new disks" 2h minion=web1``

    *ends*: a time like ``2h``, or epoch seconds. *alert*, *series* and *minion* are globs; all of them must match.
    States are shown, and events told, as ever; scripts, webhooks and annotations are not. When it ends, what has
    changed meanwhile and still stands is told. One of who sees some minions alone is for series about these alone.
    """
    if not reason:
        raise ArgumentError("reason: say why: others will want to know")
    alerts = context.services.alerts
    await alerts.ready()
    within = frozenset(context.visible(context.services.keyring.minions())) if context.limited else None
    if within is not None and not (within := frozenset(filter(matcher(minion), within))):
        raise CommandError(f"there is no minion {minion!r:.100} whose alerts {context.caller} may silence")
    by = context.caller.principal
    made = await alerts.silences.add(by, reason, ends, alert=alert, series=series, minion=minion, within=within)
    return made.id


@command("runner.alerts.silences", Need.RUNNER, reach=Reach.VISIBLE)
async def silences(context: Context) -> list[dict[str, Any]]:
    """List the silences that aren't over, the one that ends last first: ``saltern-run alerts.silences``

    Times are in epoch seconds. ``confined``: it is for series about the minions alone that its maker saw. Who sees some
    minions alone is shown those that are confined to these.
    """
    await context.services.alerts.ready()
    return [one.shown() for one in context.services.alerts.silences.active() if _concerns(context, one)]


@command("runner.alerts.unsilence", Need.RUNNER, changes=True, reach=Reach.VISIBLE)
async def unsilence(context: Context, id: str) -> bool:  # as alerts.silences calls it
    """End a silence: ``saltern-run alerts.unsilence s0a1b2c3d4e5f``"""
    alerts = context.services.alerts
    await alerts.ready()
    found = alerts.silences.named(id)
    if found is None or not _concerns(context, found):
        raise CommandError(f"there is no silence {id!r:.40}: saltern-run alerts.silences lists them")
    await alerts.silences.remove(found)
    return True


@command("runner.alerts.rule_set", Need.OWN_RUNNER, changes=True)
async def rule_set(context: Context, name: str, rule: dict[str, Any]) -> bool:
    """Make a rule, or change one: ``saltern-run alerts.rule_set busy '{metric: saltern.*.stats.load.1m, warn: "> 4"}'``

    *rule* is written as in alerts.d. The master keeps it, beside those of the configuration, which stay as they are
    written; it is in force at once. It must be granted by its name, and a rule with a script is for who may do
    everything.
    """
    if rule.get("script") is not None and not context.services.policy.sees_all(context.caller):
        raise NotAuthorised(f"{context.caller} may not have a script run: a rule with one is for who may do everything")
    try:
        await context.services.alerts.set_rule(name, rule)
    except RuleFault as fault:
        raise CommandError(f"{name:.100}: {fault.said}") from None
    return True


@command("runner.alerts.rule_delete", Need.OWN_RUNNER, changes=True)
async def rule_delete(context: Context, name: str) -> bool:
    """Delete a rule that alerts.rule_set made: ``saltern-run alerts.rule_delete full``"""
    try:
        await context.services.alerts.delete_rule(name)
    except RuleFault as fault:
        raise CommandError(f"{name:.100}: {fault.said}") from None
    return True


@command("runner.alerts.try", Need.RUNNER)
async def try_rule(context: Context, rule: dict[str, Any], hours: float = 24.0) -> dict[str, Any]:
    """Show what a rule would have said: ``saltern-run alerts.try '{metric: saltern.*.stats.load.1m, warn: "> 4"}'``

    Nothing is kept, told or run. Of each of its series, the worst first, 200 at most of those ``found``: its ``state``
    and ``value`` now, its ``changes`` as times (epoch seconds) and states, and for how many ``seconds`` it was
    ``warn``, ``crit`` and ``nodata``. ``step`` is how many seconds two looks are apart: longer than alerts_interval
    when there is much to look at, and then values may be means. ``fault`` is what is wrong with the rule, or ``""``.
    """
    if not 0 < hours <= MAX_HOURS:
        raise ArgumentError(f"hours must be over 0 and up to {MAX_HOURS}, not {hours:g}")
    try:
        return await context.services.alerts.try_rule(rule, hours)
    except RuleFault as fault:
        return {"series": [], "found": 0, "step": 0.0, "fault": fault.said}


async def _known(context: Context, alert: str, series: str) -> None:
    """Raise ``CommandError`` when there is no such series for the caller, one line whatever the reason is."""
    await context.services.alerts.ready()
    if context.services.alerts.state_of(alert, series) is None or not all(_seen(context, [series])):
        raise CommandError(f"there is no series {series!r:.200} of an alert {alert!r:.100}: saltern-run alerts.list")


def _concerns(context: Context, silence: Silence) -> bool:
    """Return whether the caller may see a silence, and end it: one that concerns no minion but his."""
    return not context.limited or (silence.within is not None and all(map(context.sees, silence.within)))


def _seen(context: Context, series: list[str]) -> list[bool]:
    """Return of each series whether the caller may see it."""
    if not context.limited:
        return [True] * len(series)
    about = context.services.series_places.whose(series)
    return [minions is not None and all(map(context.sees, minions)) for minions in about]


def _visible(context: Context, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules as the caller may see them: a target, and what is wrong with it, may name any minion."""
    if not context.limited:
        owner = context.services.policy.sees_all(context.caller)
        return rules if owner else [{**rule, "rule": _without_script(rule.get("rule"))} for rule in rules]
    found = []
    for rule in rules:
        seen = _seen(context, [one["series"] for one in rule["series"]])
        series = [one for one, sees in zip(rule["series"], seen, strict=True) if sees]
        if series:
            error = HIDDEN if rule["error"] else ""
            hidden = {"target": HIDDEN, "error": error, "place": HIDDEN, "editable": False, "rule": None}
            found.append({**rule, **hidden, "series": series})
    return found


def _without_script(rule: dict[str, Any] | None) -> dict[str, Any] | None:
    return {**rule, "script": HIDDEN} if rule and "script" in rule else rule


def _said(context: Context, said: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what someone said of a series as the caller may see it: it may be about others, and by one."""
    if said is None or not context.limited:
        return said
    silence = context.services.alerts.silences.named(said["id"]) if "id" in said else None
    if "id" in said and (silence is None or not _concerns(context, silence)):
        return {**said, "id": HIDDEN, "by": HIDDEN, "reason": HIDDEN}
    return _by_seen(context, said, "by")


def _by_seen(context: Context, said: dict[str, Any], name: str) -> dict[str, Any]:
    """Return *said* without who said it, under *name*, when that is a minion that the caller doesn't see."""
    by = said[name] or ""
    minion = by.removeprefix(_OF_MINION)
    return {**said, name: HIDDEN} if minion != by and context.limited and not context.sees(minion) else said


def _moment(name: str, given: str | float | None) -> float | None:
    """Return a time in epoch seconds, given so or as how long ago it is. Raises ``ArgumentError``."""
    if given is None:
        return None
    if not isinstance(given, str):
        if not math.isfinite(given):
            raise ArgumentError(f"{name} must be a time in epoch seconds, or how long ago, as 2d, not {given}")
        return float(given)
    try:
        return time.time() - seconds_of(name, given)
    except RuleFault as fault:
        raise ArgumentError(f"{name} {fault}") from None


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else local_time(seconds)
