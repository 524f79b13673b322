"""The VM host and its mock of Roblox."""

import gc
import os
from typing import Literal

import pytest

from luauvm import VM, LuauCompileError, LuauError, LuauYielded, VMOptions


def test_results_come_back_as_python_values() -> None:
    assert VM().run("return 1, 2.5, 'text', true, nil, { 1, 2 }, { a = { b = 'c' } }, {}") == [
        1, 2.5, "text", True, None, [1, 2], {"a": {"b": "c"}}, {},
    ]  # fmt: skip


def test_arguments_arrive_as_luau_values() -> None:
    assert VM().run("local a, b, c = ... return #a, b.x[2], c", b"\xff\x00", {"x": [1, "two"]}, None) == [
        2,
        "two",
        None,
    ]


def test_an_error_has_its_message_and_the_luau_traceback() -> None:
    with pytest.raises(LuauError) as caught:
        VM().run("\nlocal function inner() error('bad') end\ninner()", name="ServerScriptService.Combat")
    assert caught.value.message == "ServerScriptService.Combat:2: bad"
    assert "function inner" in caught.value.traceback


def test_source_that_does_not_compile_names_script_and_line() -> None:
    with pytest.raises(LuauCompileError, match=r"ServerScriptService.Combat:2: Expected identifier"):
        VM().add_script("ServerScriptService.Combat", "local a = 1\nlocal = 2")


def test_a_function_that_sleeps_is_no_plain_call() -> None:
    with pytest.raises(LuauYielded, match=r"start it with VM\.start"):
        VM().run("task.wait(1)")


def test_an_error_in_a_thread_is_kept_not_raised() -> None:
    vm = VM()
    vm.run("task.delay(1, function() error('later') end)")
    vm.advance(2)
    assert [error.message for error in vm.errors] == ["ServerScriptService.Script:1: later"]


def test_a_cycle_is_refused_as_a_value() -> None:
    with pytest.raises(ValueError, match="nests too deep"):
        VM().run("local t = {} t.t = t return t")


def test_time_moves_only_by_the_host() -> None:
    vm = VM(VMOptions(epoch=1000))
    vm.run("task.spawn(function() print(task.wait(2.5)) print(os.clock(), os.time()) end)")
    assert vm.output == []
    vm.advance(5, fps=10)
    assert vm.output[0] == ("print", vm.output[0][1])
    assert float(vm.output[0][1]) == pytest.approx(2.5, abs=0.11)
    assert vm.now == pytest.approx(1005)


def test_task_spawn_runs_now_and_defer_at_the_end() -> None:
    vm = VM()
    vm.run("task.defer(print, 'deferred') task.spawn(print, 'spawned') print('after')")
    assert [text for _, text in vm.output] == ["spawned", "after", "deferred"]


def test_a_cancelled_thread_never_runs() -> None:
    vm = VM()
    vm.run("local t = task.delay(1, print, 'never') task.cancel(t)")
    vm.advance(3)
    assert vm.output == []


@pytest.mark.parametrize(("mode", "expected"), [("Immediate", ["fired", "after"]), ("Deferred", ["after", "fired"])])
def test_events_come_at_once_or_deferred(mode: Literal["Immediate", "Deferred"], expected: list[str]) -> None:
    vm = VM(VMOptions(signals=mode))
    vm.run("""
        local event = Instance.new('BindableEvent')
        event.Event:Connect(function() print('fired') end)
        event:Fire()
        print('after')
    """)
    assert [text for _, text in vm.output] == expected


@pytest.mark.parametrize("mode", ["Immediate", "Deferred"])
def test_once_fires_once_and_wait_returns_the_arguments(mode: Literal["Immediate", "Deferred"]) -> None:
    vm = VM(VMOptions(signals=mode))
    vm.run("""
        local event = Instance.new('BindableEvent')
        event.Event:Once(function(n) print('once', n) end)
        task.spawn(function() print('waited', event.Event:Wait()) end)
        event:Fire(1)
        event:Fire(2)
    """)
    assert sorted(text for _, text in vm.output) == ["once 1", "waited 1"]
    assert vm.live_connections() == 0


@pytest.mark.parametrize("mode", ["Immediate", "Deferred"])
def test_a_handler_disconnected_by_another_does_not_run(mode: Literal["Immediate", "Deferred"]) -> None:
    vm = VM(VMOptions(signals=mode))
    vm.run("""
        local event = Instance.new('BindableEvent')
        local connections, ran = {}, 0
        for i = 1, 3 do
            connections[i] = event.Event:Connect(function()
                ran += 1
                for _, connection in connections do connection:Disconnect() end
            end)
        end
        event:Fire()
        task.defer(function() print(ran) end)
    """)
    assert vm.output == [("print", "1")]


def test_destroying_runs_its_handlers_and_ends_all_connections() -> None:
    vm = VM()
    vm.run("""
        local model = Instance.new('Model', workspace)
        local part = Instance.new('Part', model)
        part.Touched:Connect(print)
        model.Destroying:Connect(function() print('destroying', model.Parent) end)
        model:Destroy()
    """)
    assert vm.output == [("print", "destroying nil")]
    assert vm.live_connections() == 0


def test_the_ledger_names_the_line_that_connected() -> None:
    vm = VM()
    vm.run("\ngame:GetService('RunService').Heartbeat:Connect(print)", name="ServerScriptService.Combat")
    assert vm.connections_by_site() == {"ServerScriptService.Combat:2": 1}


def test_a_module_is_required_once_and_a_cycle_is_refused() -> None:
    vm = VM()
    vm.add_script("ServerScriptService.A", "print('loaded') return {}")
    vm.add_script("ServerScriptService.B", "return require(script.Parent.B)")
    vm.run("require(script.Parent.A) require(script.Parent.A)")
    assert vm.output == [("print", "loaded")]
    with pytest.raises(LuauError, match=r"ServerScriptService\.B requires itself"):
        vm.run("require(script.Parent.B)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{}", "[]"),
        ("{ a = {} }", '{"a":[]}'),
        ("{ 1, 2, lost = 3 }", "[1,2]"),
        ("'a\"\\n'", '"a\\"\\n"'),
        ("{ 0.5, 1e15, -3 }", "[0.5,1000000000000000,-3]"),
    ],
)
def test_json_has_the_traps_of_the_engine(value: str, text: str) -> None:
    assert VM().run(f"return game:GetService('HttpService'):JSONEncode({value})") == [text]


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a" 1}', "nul", "1 2", '"\\u12', "[1 2]"])
def test_bad_json_is_refused(text: str) -> None:
    with pytest.raises(LuauError, match="Can't parse JSON"):
        VM().run("return game:GetService('HttpService'):JSONDecode(...)", text)


def test_good_json_is_read() -> None:
    text = '{"a": [1, -2.5e3, true, null], "b": "\\u00e9\\ud83d\\ude00\\n", "c": {}}'
    (value,) = VM().run("return game:GetService('HttpService'):JSONDecode(...)", text)
    assert value == {"a": [1, -2500, True], "b": "é😀\n", "c": {}}


def test_types_are_named_as_the_engine_names_them() -> None:
    assert VM().run("""
        local event = Instance.new('BindableEvent')
        local connection = event.Event:Connect(print)
        return typeof(event), type(event), typeof(event.Event), typeof(connection), type(connection), typeof(1)
    """) == ["Instance", "userdata", "RBXScriptSignal", "RBXScriptConnection", "userdata", "number"]


def test_an_http_request_waits_for_its_answer() -> None:
    vm = VM()
    vm.run("""
        task.spawn(function()
            local http = game:GetService('HttpService')
            local request = { Url = 'http://x', Method = 'POST', Headers = { A = 'b' }, Body = 'c' }
            print(http:RequestAsync(request).StatusCode)
            print(pcall(http.RequestAsync, http, { Url = 'http://y' }))
        end)
    """)
    first = vm.requests.popleft()
    assert (first.url, first.method, first.headers, first.body) == ("http://x", "POST", {"A": "b"}, b"c")
    vm.respond(first, 204)
    vm.fail(vm.requests.popleft(), "HttpError: Timedout")
    assert vm.output[0] == ("print", "204")
    assert vm.output[1][1].startswith("false")
    assert vm.output[1][1].endswith("HttpError: Timedout")


def test_python_functions_can_be_called_from_scripts() -> None:
    vm = VM()
    assert vm.run("local add = ... return add(2, { 3, 4 })", vm.function(lambda a, b: [a, *b])) == [[2, 3, 4]]


def test_plain_luau_can_be_exposed_where_the_engine_withholds_it() -> None:
    vm = VM()
    vm.expose("collectgarbage")
    vm.run("collectgarbage('collect')")
    assert vm.heap_bytes() > 0


def test_an_extension_can_add_classes() -> None:
    vm = VM()
    vm.extend("local control = ... control.instances.classes.Boat = { extends = 'Model', events = { 'Sank' } }")
    assert vm.run("return typeof(Instance.new('Boat').Sank)") == ["RBXScriptSignal"]


def test_a_dropped_vm_frees_its_memory_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    vm = VM()
    vm.run("shared.big = table.create(100000, 1)")
    weak = vm._lua.weak()
    del vm
    gc.collect()
    assert weak.is_destroyed()
    os.write(1, b"-")
    assert capfd.readouterr().out == "-"
