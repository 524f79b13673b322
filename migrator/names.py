"""The words of Roblox and of its community that the analysis knows: events, services, managers, habits of naming."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONNECTING = _words("Connect connect ConnectParallel Once once")
ONCE = _words("Once once")
# Functions that connect without naming a signal; what they return, if anything, is a connection.
BINDING = _words("BindToRenderStep SubscribeAsync")
# Anything in a file that may make it worth a look; without it there is no site.
CANDIDATE = re.compile(rb"\b(?:[Cc]onnect|ConnectParallel|[Oo]nce|BindToRenderStep|SubscribeAsync)\b")

RELEASING = _words("Disconnect disconnect Destroy destroy DisconnectAll disconnectAll")
CLEANING = _words("""
Destroy destroy Clean clean DoCleaning doCleaning Cleanup cleanup CleanUp cleanUp Sweep sweep Clear clear
Cleaning DisconnectAll disconnectAll Disconnect disconnect Stop Empty LinkToInstance LinkToInstances
AttachToInstance Attach attach AttachTo BindToInstance RemoveAll Remove Flush Release CleanupConnections Dispose
dispose
""")
# Methods that take a connection into a manager's care.
GIVING = _words("""
GiveTask giveTask Give give Add add AddTask Mark mark GivePromise Insert insert Push push Append append Register
register RegisterConnection AddConnection Attach Track track AddObject Own own Assign Store AddJanitorTask
""")
# Methods of managers that connect themselves: manager:Connect(signal, callback).
MANAGER_NAME = re.compile(
    r"(?:maid|trove|janitor|cleaner|cleanup|bin$|dumpster|connections?$|conns?$|disposer?|scope|manager|utils|listenerlist|"
    r"tasks?$|collector|_m$|maids|group)",
    re.IGNORECASE,
)
MANAGER_CLASS = re.compile(
    r"(?:^|_)(?:Maid|Trove|Janitor|Cleaner|Bin|Dumpster|ListenerList|Broom)$|Maid$|Trove$|Janitor$"
)
CONNMON = _words("ConnectionUtils ConnectionManager connmon")

PER_FRAME = _words("""
Heartbeat Stepped RenderStepped PreSimulation PostSimulation PreRender PreAnimation BindToRenderStep
""")

_EVENTS = """
Players: PlayerAdded PlayerRemoving PlayerMembershipChanged
RunService: Heartbeat Stepped RenderStepped PreSimulation PostSimulation PreRender PreAnimation
Player: CharacterAdded CharacterRemoving CharacterAppearanceLoaded Chatted Idled OnTeleport
RemoteEvent: OnServerEvent OnClientEvent
BindableEvent: Event
BasePart: Touched TouchEnded
Humanoid: Died HealthChanged Running Jumping StateChanged MoveToFinished Seated FreeFalling Climbing Swimming
Instance: Changed ChildAdded ChildRemoved DescendantAdded DescendantRemoving AncestryChanged AttributeChanged Destroying
ProximityPrompt: Triggered TriggerEnded PromptShown PromptHidden PromptButtonHoldBegan PromptButtonHoldEnded
ClickDetector: MouseClick RightMouseClick MouseHoverEnter MouseHoverLeave
GuiButton: Activated MouseButton1Click MouseButton2Click MouseButton1Down MouseButton1Up MouseButton2Down MouseButton2Up
GuiObject: MouseEnter MouseLeave MouseMoved MouseWheelForward MouseWheelBackward TouchTap TouchPan TouchSwipe
TextBox: FocusLost Focused
Tool: Equipped Unequipped Deactivated
UserInputService: InputBegan InputChanged InputEnded JumpRequest WindowFocused WindowFocusReleased LastInputTypeChanged
Mouse: Button1Down Button1Up Button2Down Button2Up Move KeyDown KeyUp WheelForward WheelBackward
MarketplaceService: PromptPurchaseFinished PromptGamePassPurchaseFinished PromptProductPurchaseFinished
Animator: AnimationPlayed
AnimationTrack: KeyframeReached Stopped DidLoop Ended
Tween: Completed
Sound: Loaded Played DidLoop
TextChatService: MessageReceived
Workspace: PersistentLoaded
GlobalDataStore: OnUpdate
Seat: Occupant
"""
EVENT_KIND = {
    event: f"{line.partition(':')[0]}.{event}"
    for line in _EVENTS.strip().splitlines()
    for event in line.partition(":")[2].split()
}
SIGNAL_METHODS = {
    "GetPropertyChangedSignal": "Instance.GetPropertyChangedSignal",
    "GetAttributeChangedSignal": "Instance.GetAttributeChangedSignal",
    "GetInstanceAddedSignal": "CollectionService.InstanceAdded",
    "GetInstanceRemovedSignal": "CollectionService.InstanceRemoved",
    "GetMarkerReachedSignal": "AnimationTrack.MarkerReached",
}
GUI_EVENTS = frozenset(
    event for event, kind in EVENT_KIND.items() if kind.startswith(("GuiButton.", "GuiObject.", "TextBox."))
)
CUSTOM = "Custom"

# Handlers of these run once for each new thing, and what they are given is that thing.
FRESH_ARGUMENT = _words("""
PlayerAdded CharacterAdded CharacterAppearanceLoaded ChildAdded DescendantAdded GetInstanceAddedSignal
PlayerRemoving CharacterRemoving GetInstanceRemovedSignal
""")
PLAYER_EVENTS = _words("PlayerAdded PlayerRemoving")
CHARACTER_EVENTS = _words("CharacterAdded CharacterAppearanceLoaded CharacterRemoving")

# Calls that run the function they are given at once or later, but once.
RUNS_ONCE = _words("""
spawn defer delay wrap create pcall xpcall Spawn Delay try andThen Then catch finally await new resume fastSpawn
Promise fromSuccess desynchronize synchronize BindToClose bindToClose
""")

# Functions a framework or a script calls once for each module.
LIFECYCLE = re.compile(
    r"^(?:_*)(?:Knit|On|Framework|Game|Server|Client|Shared|Plugin)?(?:init|initialize|initialise|start|started|setup|main|load|"
    r"boot|bootstrap|preload|constructor|listen|bind|connect|hook|register|run|launch|wire|prepare|enable)"
    r"(?:Async|Services?|Server|Client|All|\w*(?:Commands|Modules|Handlers|Events|Connections|Remotes|Signals|Listeners))?$",
    re.IGNORECASE,
)
# Beginnings of names of functions that an object calls once, when it is made.
PREPARING = re.compile(
    r"^_*(?:init|setup|set_?up|bind|connect|hook|listen|create|build|construct|make|mount|render|register|wire|prepare|"
    r"load|attach|handle|watch|observe|track|start|add|didMount|willMount|componentDidMount)",
    re.IGNORECASE,
)
# Names of functions that run again and again for the same thing.
REPEATING = re.compile(
    r"^_*(?:on)?(?:open|equip|unequip|show|toggle|play|activate|fire|shoot|attack|swing|use|update|refresh|respawn|spawn|reset|"
    r"restart|begin|enter|select|apply|switch|change|next|roll|reload|round|newround|startround|drag|hover|tick|step|loop|"
    r"request|trigger|cast|throw|drop|pick|grab|teleport|display|redraw|populate|animate)",
    re.IGNORECASE,
)
CONSTRUCTOR = re.compile(r"^(?:new|_new|New|create|Create|fromInstance|from|Construct|constructor|Constructor|__init)$")
CLEANUP_METHOD = re.compile(
    r"^_*(?:destroy|cleanup|clean|stop|disconnect|dispose|unload|unmount|teardown|remove|shutdown|deactivate|disable|"
    r"unbind|close|unequip|hide|reset|release|clear|end|exit|onDestroy)",
    re.IGNORECASE,
)
PER_PLAYER_NAME = re.compile(
    r"^_*(?:handle|on|setup|init|initialize|load|register|track|add|bind|create|new|hook|connect|watch|process)?_?"
    r"(?:player|plr)(?:_?(?:added|joined|join|add|entered|connected|setup|init|enter|data|loaded))?$",
    re.IGNORECASE,
)
PER_CHARACTER_NAME = re.compile(
    r"^_*(?:handle|on|setup|init|load|register|track|bind|hook|connect|watch|process)?_?"
    r"(?:player)?(?:character|char)(?:_?(?:added|spawned|spawn|loaded|setup|init|add))?$",
    re.IGNORECASE,
)
PLAYER_NAME = re.compile(r"^_?(?:player|plr|p|client|user|newPlayer|joinedPlayer|targetPlayer|Player|Plr)$")
CHARACTER_NAME = re.compile(
    r"^_?(?:character|char|humanoid|hum|rootPart|hrp|humanoidRootPart|root|newCharacter|animator)$", re.IGNORECASE
)
# Methods that find an instance rather than make one.
NAVIGATES = re.compile(r"(?i)_?(?:get|find|wait|await|fetch|resolve)")
# What every client has one of, for as long as it runs.
CLIENT_WORDS = re.compile(
    rb"\bLocalPlayer\b|\bUserInputService\b|\bRenderStepped\b|\bBindToRenderStep\b|\bContextActionService\b|\bOnClientEvent\b|"
    rb"\bCurrentCamera\b"
)
SERVER_WORDS = re.compile(
    rb"\bOnServerEvent\b|\bOnServerInvoke\b|\bServerStorage\b|\bServerScriptService\b|\bDataStoreService\b|"
    rb"\bMessagingService\b|\bFireClient\b|\bFireAllClients\b|\bBindToClose\b"
)
CLIENT_PATH = re.compile(r"\.client\.|(?:^|/)(?:[Cc]lient|StarterPlayer\w*|StarterGui|ReplicatedFirst)/")
SERVER_PATH = re.compile(r"\.server\.|(?:^|/)(?:[Ss]erver|ServerScriptService|ServerStorage)/")
# Where modules stand that clients require as well.
SHARED_PATH = re.compile(r"(?:^|/)(?:[Ss]hared|[Cc]ommon|ReplicatedStorage)/")
SHARED_PLACES = _words("ReplicatedStorage ReplicatedFirst StarterPlayer StarterGui StarterPack Workspace")
# Events that tell of the end of a player or an instance: owned by it, they would be gone before they fire.
ENDING = _words("PlayerRemoving CharacterRemoving Destroying AncestryChanged")
TEST_PATH = re.compile(
    r"(?:\.spec\.|\.test\.|\.story\.|(?:^|/)(?:tests?|__tests__|specs?|stories)/|TestRunner|\.bench\.)", re.I
)


def kind_of(last: str) -> str:
    """The connection type of a signal by its last name; "Custom" when it is not known."""
    return EVENT_KIND.get(last) or SIGNAL_METHODS.get(last) or CUSTOM
