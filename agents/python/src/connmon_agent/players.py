"""Who is on the server: a ready register of players for hosts that have none of their own."""

from collections.abc import Iterator

from connmon_agent.identity import WeakIdentityMap
from connmon_agent.signals import Signal


class Players:
    """Players by user id, and the events of their coming and going. It keeps no player that left.

    Example::

        players = Players()
        players.player_added.connect(lambda player: print(player.name, "is here"))
        players.join(player, user_id=261)
    """

    def __init__(self) -> None:
        self.player_added = Signal()
        self.player_removing = Signal()
        self._by_id: dict[int, object] = {}
        self._leaving: set[int] = set()
        self._user_ids: WeakIdentityMap[int] = WeakIdentityMap()

    def join(self, player: object, user_id: int) -> None:
        """A player comes; fires `player_added`.

        Raises ValueError for a user id that is here already, TypeError for an object that cannot be referenced
        weakly.

        Example::

            players.join(player, user_id=261)
        """
        if isinstance(user_id, bool) or not isinstance(user_id, int) or user_id < 0:
            raise TypeError(f"user_id takes a whole number from 0 on, not {user_id!r}")
        if user_id in self._by_id:
            raise ValueError(f"user {user_id} is on the server already; call leave first")
        self._user_ids.set(player, user_id)
        self._by_id[user_id] = player
        self.player_added.fire(player)

    def leave(self, player: object) -> None:
        """A player goes; fires `player_removing` while the player is still here. Nothing happens for anybody
        else.

        Example::

            players.leave(player)
        """
        user_id = self._user_ids.get(player)
        if user_id is None or self._by_id.get(user_id) is not player or user_id in self._leaving:
            return
        self._leaving.add(user_id)
        self.player_removing.fire(player)
        self._leaving.discard(user_id)
        del self._by_id[user_id]

    def find(self, user_id: int) -> object | None:
        """The player with that id who is here, or None."""
        return self._by_id.get(user_id)

    def user_id_of(self, player: object) -> int | None:
        """The user id of a player who is or was here; None for any other object."""
        return self._user_ids.get(player)

    def is_present(self, player: object) -> bool:
        """Whether the player is here now."""
        user_id = self._user_ids.get(player)
        return user_id is not None and self._by_id.get(user_id) is player

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[object]:
        return iter(tuple(self._by_id.values()))

    def __bool__(self) -> bool:
        """A register without players is a register all the same."""
        return True
