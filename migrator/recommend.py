"""generate_recommendations: what to do about each finding, the most urgent first."""

from migrator.model import Helper, Level, Recommendation, ServiceAnalysis, Severity, Shape, Site

_URGENCY = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.LOW: 2, None: 3}

_ADVICE: dict[Shape, str] = {
    Shape.SHARED_SIGNAL: "Register it under what it is for, to end with that: the player, the character, the object.",
    Shape.PER_CHARACTER: "Register it under the player with a name: the next character's connection then replaces it.",
    Shape.OVERWRITTEN: "Register it under its owner with a name, or keep one handle for each player.",
    Shape.REPEATED: "Connect it once, or under a name, so that a second connection replaces the first.",
    Shape.NEVER_RELEASED: "Register it under its owner; everything the owner has ends with it.",
    Shape.FORGOTTEN: "Let the service own all its connections; its clean-up then forgets none.",
    Shape.MANAGER_NEVER_CLEANED: "Clean the manager when its owner goes, or link it to an instance.",
    Shape.UNBIND: "Call UnbindFromRenderStep with the same name when it is no longer wanted.",
    Shape.SUBSCRIPTION: "Subscribe once for the server, or register the subscription under the player.",
    Shape.TIME_OUT: "Disconnect it also where the wait gives up.",
    Shape.UNPARENTED: "Destroy the instance; Parent = nil keeps its connections.",
    Shape.SELF_CAPTURE: "Destroy the instance when it is done, or register the connection under it.",
}
_HELPERS: dict[str, Helper] = {
    "Players.PlayerAdded": Helper.PLAYER_MANAGEMENT,
    "Players.PlayerRemoving": Helper.PLAYER_MANAGEMENT,
    "Player.CharacterAdded": Helper.CHARACTER_MANAGEMENT,
    "Player.CharacterRemoving": Helper.CHARACTER_MANAGEMENT,
    "RemoteEvent.OnServerEvent": Helper.REMOTE_EVENTS,
    "RunService.Heartbeat": Helper.HEARTBEAT,
}
_BY_HAND = frozenset({Shape.TIME_OUT, Shape.UNBIND, Shape.MANAGER_NEVER_CLEANED, Shape.UNPARENTED})
BATCH = 4  # sites of one function from which one ConnectBatch reads better


def generate_recommendations(analysis: ServiceAnalysis) -> tuple[Recommendation, ...]:
    """One recommendation for each leak, and those for the service as a whole; the most urgent first."""
    found = [_for_leak(site) for site in analysis.leaks]
    found.sort(key=lambda one: (_URGENCY[one.severity], one.site.line if one.site else 0))
    return (*found, *_for_service(analysis))


def _for_leak(site: Site) -> Recommendation:
    assert site.shape is not None
    return Recommendation(site, _helper(site), site.severity, f"{site.reason} {_ADVICE[site.shape]}")


def _helper(site: Site) -> Helper:
    if site.shape in _BY_HAND:
        return Helper.BY_HAND
    if site.shape is Shape.SUBSCRIPTION or site.method != "Connect":
        return Helper.REGISTER
    if site.shape is Shape.FORGOTTEN:
        return _HELPERS.get(site.kind, Helper.CONNECT)
    return Helper.CONNECT


def _for_service(analysis: ServiceAnalysis) -> list[Recommendation]:
    found = []
    unmanaged = [site for site in analysis.sites if site.release is None and site.function]
    if analysis.leaks and analysis.service_name.endswith("Controller"):
        text = f"Enhance {analysis.service_name}: its own Stop then ends what AddConnection was given."
        found.append(Recommendation(None, Helper.ENHANCE_CONTROLLER, None, text))
    elif analysis.leaks:
        text = f"Wrap {analysis.service_name}: its own Stop then cleans up, and CleanupConnections says what that was."
        found.append(Recommendation(None, Helper.WRAP_SERVICE, None, text))
    if sum(site.kind == "RemoteEvent.OnServerEvent" for site in unmanaged) > 1:
        text = "Connect the remote events with one SetupRemoteEvents: all are checked before any is connected."
        found.append(Recommendation(None, Helper.REMOTE_EVENTS, None, text))
    if len(unmanaged) >= BATCH and analysis.complexity is not Level.LOW:
        text = f"{len(unmanaged)} connections are kept nowhere; ConnectBatch registers those of one place together."
        found.append(Recommendation(None, Helper.BATCH, None, text))
    return found
