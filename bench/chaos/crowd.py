"""Many game servers at once, each in its rhythm; now and then they do to reports what networks and clocks do."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bench.chaos.gameserver import GameServer, Json, Ledger
from bench.chaos.links import Broken, Link, RestLink, SocketLink, Target

FIRST_DELAY: Final = 0.2  # seconds before the second attempt; doubles, with jitter …
LONGEST_DELAY: Final = 4.0  # … up to this
SOON: Final = 0.05  # seconds until a report that tells an outcome, or says farewell
HOUR: Final = 3_600.0
CLOCKS: Final = (0.0, 0.0, 0.0, HOUR, -HOUR)  # two servers of five have a clock that is off
PROXIED: Final = 3  # every third server is behind the proxy

TWICE, REPLAYED, SKIPPED, CRASHED = "sent twice", "replayed", "reordered", "server crashed"


@dataclass
class Mischief:
    """How often a report is sent twice, an old one again, two in the wrong order; how often a server crashes."""

    twice: float = 0.01
    replay: float = 0.01
    skip: float = 0.003
    crash: float = 0.0005


@dataclass
class Member:
    """One server with its link."""

    server: GameServer
    link: Link
    task: asyncio.Task[None] | None = None


class Crowd:
    """Servers of one key. `mischief` None: they behave. Every choice comes from `chance`."""

    def __init__(self, chance: random.Random, *, mischief: Mischief | None = None) -> None:
        self.ledger = Ledger()
        self.members: list[Member] = []
        self.mischief = mischief
        self.failures: Counter[str] = Counter()
        self.done: Counter[str] = Counter()  # mischief
        self.last_ack = time.monotonic()
        self.longest_gap = 0.0  # seconds in which nobody was acknowledged anything
        self._chance = chance
        self._halting = False

    def add(self, name: str, target: Target, *, socket: bool, size: int = 15) -> None:
        """A server that starts with `start`."""
        skew = self._chance.choice(CLOCKS)
        server = GameServer(name, self.ledger, random.Random(self._chance.random()), skew=skew, size=size)
        link = SocketLink(target, server.execute) if socket else RestLink(target)
        self.members.append(Member(server, link))

    def start(self, *, spread: float) -> None:
        """All of them, within `spread` seconds."""
        self.last_ack = time.monotonic()
        for member in self.members:
            if member.task is None:
                member.task = asyncio.create_task(self._run(member, self._chance.random() * spread))

    async def halt(self) -> None:
        """Each server ends once its report in flight is answered: then nobody knows more than the other side."""
        self._halting = True
        await asyncio.gather(*(member.task for member in self.members if member.task))

    async def stop(self) -> None:
        """Ends their connections without a word."""
        tasks = [member.task for member in self.members if member.task]
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for member in self.members:
            member.link.close()
        for error in found:
            if isinstance(error, Exception):
                raise error

    def settle(self) -> None:
        """From now on nothing happens on the servers, and every report goes out once."""
        self.mischief = None
        for member in self.members:
            member.server.quiet = True

    @property
    def unsettled(self) -> int:
        """Servers that have something to say that is not acknowledged."""
        return sum(not member.server.settled for member in self.members)

    @property
    def known(self) -> int:
        """Servers whose present boot was acknowledged a report."""
        return sum(member.server.key in self.ledger.last for member in self.members)

    async def _run(self, member: Member, delay: float) -> None:
        await asyncio.sleep(delay)
        server, failures = member.server, 0
        while not (server.closing and server.settled) and not (self._halting and server.flight is None):
            try:
                if server.flight is None and not server.quiet:
                    server.live_on(time.time())
                await self._report(member)
                failures = 0
                await member.link.wait(SOON if server.untold or server.closing else server.interval)
            except Broken as error:
                self.failures[type(error.__cause__).__name__] += 1
                limit = min(FIRST_DELAY * 2**failures, LONGEST_DELAY)
                failures += 1
                await asyncio.sleep(self._chance.uniform(limit / 2, limit))

    async def _report(self, member: Member) -> None:
        """One report until it is answered for good; perhaps with mischief around it."""
        server, link = member.server, member.link
        if server.flight is None and not server.quiet and self.mischief and server.key in self.ledger.last:
            await self._misbehave(member, self.mischief)
        while True:
            answer = await link.exchange(server.report(time.time()))
            if answer["kind"] == "ack":
                self._note_ack()
                server.take(answer)
                return
            await asyncio.sleep(server.refuse(answer))

    def _note_ack(self) -> None:
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self.last_ack)
        self.last_ack = now

    async def _misbehave(self, member: Member, mischief: Mischief) -> None:
        server, dice = member.server, self._chance.random()
        choices: list[tuple[float, str, Callable[[Member], Awaitable[None]]]] = [
            (mischief.twice, TWICE, self._send_twice),
            (mischief.replay, REPLAYED, self._replay),
            (mischief.skip if server.may_skip else 0.0, SKIPPED, self._reorder),
            (mischief.crash, CRASHED, self._crash),
        ]
        for share, name, act in choices:
            if dice < share:
                self.done[name] += 1
                await act(member)
                return
            dice -= share

    async def _send_twice(self, member: Member) -> None:
        """The same report twice; the second time is answered as the first, or refused for want of a database."""
        await member.link.exchange(member.server.report(time.time()))

    async def _replay(self, member: Member) -> None:
        """A report, and once its follower is taken, that report again: it must be refused as behind."""
        server = member.server
        old, seq, boot = server.report(time.time()), server.seq, server.boot
        for _ in range(2):
            answer = await member.link.exchange(server.report(time.time()))
            if answer["kind"] != "ack":
                return
            self._note_ack()
            server.take(answer)
        if server.boot == boot and server.seq > seq:
            self._expect_behind(await member.link.exchange(old))

    async def _reorder(self, member: Member) -> None:
        """A report, then the one that came before it."""
        early, late = member.server.skip(time.time())
        answer = await member.link.exchange(late)
        if answer["kind"] != "ack":
            return
        self._note_ack()
        member.server.take(answer)
        self._expect_behind(await member.link.exchange(early))

    async def _crash(self, member: Member) -> None:
        member.link.close()
        member.server.crash()
        member.server.live_on(time.time())

    def _expect_behind(self, answer: Json) -> None:
        """It was refused as behind, or for want of a database; taken it must not be."""
        if answer["kind"] == "ack" or answer["code"] not in {"seq-behind", "database-down", "overloaded"}:
            self.ledger.strange[f"an old report was answered with {answer.get('code', 'ack')}"] += 1
