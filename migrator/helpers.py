"""Patterns for which ConnectionUtils has one call: players who are here and come, a player's characters."""

import re

from tree_sitter import Node

from migrator.analyze import Study
from migrator.facts import Variable
from migrator.grammar import IDENTIFIER
from migrator.losses import Judged
from migrator.model import Edit, Handle, Helper, Site
from migrator.owners import Owner


def helper_edits(study: Study, judged: Judged, site: Site, owner: Owner, service: Variable | None) -> list[Edit] | None:
    """The edits for a site whose pattern a helper has, else None. `service`: the module's table, where it is seen."""
    callback = judged.connect.callback
    if site.handle is not Handle.DISCARDED or site.method != "Connect" or callback is None:
        return None
    following = judged.connect.call.node.next_named_sibling
    if callback.kind_id not in IDENTIFIER or following is None or service is None:
        return None
    name, statement = study.facts.raw(callback), _one_line(study, following)
    if site.kind == "Players.PlayerAdded" and owner.cleanup is service:
        if not re.fullmatch(_those_who_are_here(site.signal, name), statement):
            return None
        call = f"{Helper.PLAYER_MANAGEMENT}({owner.text}, {name})"
        return _replace(site, following, call, "It hears of the players who are here as well.")
    player = judged.connect.chain.root
    if site.kind == "Player.CharacterAdded" and player is not None and owner.text == player.name:
        if not re.fullmatch(_the_present_one(player.name, name), statement):
            return None
        call = f"{Helper.CHARACTER_MANAGEMENT}({service.name}, {player.name}, {name})"
        return _replace(site, following, call, "It hears of the present character as well.")
    return None


def _those_who_are_here(signal: str, callback: str) -> str:
    players = re.escape(signal.rpartition(".")[0])
    each = rf"(?:task\.spawn\({callback}, (?P=it)\)|{callback}\((?P=it)\))"
    return rf"for _, (?P<it>\w+) in (?:i?pairs\({players}:GetPlayers\(\)\)|{players}:GetPlayers\(\)) do {each} end"


def _the_present_one(player: str, callback: str) -> str:
    character = rf"{player}\.Character"
    return rf"if {character} then (?:task\.spawn\({callback}, {character}\)|{callback}\({character}\)) end"


def _one_line(study: Study, node: Node) -> str:
    return " ".join(study.facts.raw(node).split())


def _replace(site: Site, following: Node, call: str, why: str) -> list[Edit]:
    """The connect call becomes `call`, and the statement after it goes."""
    start, end = site.span
    return [
        Edit((start, end), call.encode("latin-1"), site, why),
        Edit((end, following.end_byte), b"", site, why),
    ]
