"""Hears what `publish` tells: one subscription to a game's group, for whoever keeps a page fresh."""

from collections.abc import AsyncGenerator

from channels.layers import get_channel_layer

from connmon.live.publish import group_of


async def follow(game_id: int) -> AsyncGenerator[list[int] | None, None]:
    """The servers that changed, message by message; None stands for all of them.

    The first item, None, comes once the group is joined: what was committed before it counts as changed. Raises what
    the channel layer raises when it is out of reach; ends with the loop that runs it.
    """
    layer = get_channel_layer()
    channel = await layer.new_channel()
    group = group_of(game_id)
    await layer.group_add(group, channel)
    try:
        yield None
        while True:
            message = await layer.receive(channel)
            yield message["servers"]
    finally:
        await layer.group_discard(group, channel)
