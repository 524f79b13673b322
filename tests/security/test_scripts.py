"""Whatever game servers say, no page runs it: a corpus through every field, every page in Chromium."""

import os
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Dialog, expect

from connmon.accounts.models import Role
from connmon.cleanup.models import Order
from connmon.core.ids import NewKey
from connmon.registry.models import GameServer, Service
from tests.dashboard.people import said_password
from tests.e2e.visitor import Visitor, browser
from tests.machine import PATIENCE, Machine, Site, opened, pool, profile, service, wait_for
from tests.security import table
from tests.security.tally import TALLY, WHOLE
from tests.security.test_matrix import address_of
from tests.security.world import Filled, make_game

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("NO_BROWSER" in os.environ, reason="NO_BROWSER is set"),
    # Static files come from WhiteNoise, which has no asynchronous way to send them.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators"),
]

# At most 64 characters each, the shortest bound of the fields that they go through. `data-x` shows an element that a
# page made of text, `pwned` a script that it ran; what the browser refused to run is a complaint.
CORPUS: Final = (
    "<script>pwned=1</script><i data-x>",
    '"><img src=x onerror=pwned=1 data-x>',
    "' onmouseover='pwned=1' autofocus onfocus='pwned=1' data-x='",
    "</script><svg/onload=pwned=1 data-x>",
    "</textarea></title></style><b data-x>",
    "javascript:pwned=1",
    "<a href=javascript:pwned=1 data-x>x</a>",
    "<!--><i data-x><!-- -->",
    "&lt;i data-x&gt;&#60;i data-x&#62;",
    "%3Ci%20data-x%3E\\x3ci data-x\\x3e\\u003ci data-x\\u003e",
    "<style data-x>*{display:none}</style>",
    "<iframe srcdoc='<script>parent.pwned=1</script>' data-x>",
    "<meta http-equiv=refresh content=0;url=//x.example data-x>",
    "<base href=//x.example/ data-x><form action=//x.example>",
    "<math><mtext></mtext><mglyph><svg><mtext><img data-x>",
    "{{constructor.constructor('pwned=1')()}}${pwned=1}<%=7*7%>",
    "{% debug %}{{ settings.SECRET_KEY }}",
    "__proto__",
)
MARK: Final = "\"'><img src=x onerror=pwned=1 data-x>{{7*7}}"
IS_INNOCENT: Final = "typeof pwned === 'undefined' && document.querySelector('[data-x]') === null"
INSTALLATION: Final = (
    "/admin/accounts/game/",
    "/admin/accounts/apikey/",
    "/admin/accounts/auditentry/",
    "/admin/registry/refusedreport/",
)
DOWNLOADS: Final = (".csv", ".json", ".luau", ".patch")


@pytest.fixture
def hostile(transactional_db: None, site: Site) -> Filled:
    """A game in which every text that anybody can set is hostile."""
    return make_game("Hostile", MARK, revisions=2)


@pytest.fixture(scope="module")
def chromium_context() -> Iterator[Callable[[str], BrowserContext]]:
    # The driver runs a loop in this thread, in which Django would refuse its synchronous calls.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with browser() as running:
        yield lambda base: running.new_context(base_url=base)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def visitor(site: Site, hostile: Filled, chromium_context: Callable[[str], BrowserContext]) -> Iterator[Visitor]:
    """The game's admin, who runs the installation too, at a browser."""
    admin = hostile.members[Role.ADMIN]
    admin.is_superuser = True
    admin.save()
    client = Client()
    client.force_login(admin)
    said_password(client, admin)
    base = f"http://127.0.0.1:{site.port}"
    context = chromium_context(base)
    context.set_default_timeout(PATIENCE * 1000)
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # what parts of pages do not name
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])
    visitor = Visitor(context)

    def note(dialog: Dialog) -> None:
        visitor.complaints.append(dialog.message)
        dialog.dismiss()

    visitor.page.on("dialog", note)
    yield visitor
    context.close()


def report_all(site: Site, hostile: Filled) -> None:
    """Every text of the corpus in every field of a report, and in what is refused."""
    key = NewKey(hostile.keys["report"].split("_")[1], hostile.keys["report"].split("_")[2])
    for number, text in enumerate(CORPUS, start=1):
        server = Machine(site, key, hostile.game.pk, text, boot=text)
        said = {"id": text, "boot": text, "agent": text}
        fields = {"service": text, "owner": text, "name": text, "type": text, "site": text}
        answer = server.send(
            server=said,
            snapshot={"part": 1, "of": 1},
            services=[service(text, live=9, orphaned=3)],
            pools=[pool(text)],
            opened=[opened(number, **fields, state="orphaned"), opened(number + 500, **fields, owner_kind="service")],
            profiles=[profile(service=text, type=text, site=text)],
        )
        assert answer.status == 200, answer
        server.send(server=said, kind=text)
        server.send(server=said, services=[{"name": text, text: text, "live": text}])
        TALLY.requests += 3


def addresses(hostile: Filled) -> list[str]:
    """Every page of the game that is read, and in whole each service and server of the corpus."""
    slug = hostile.game.slug
    every = [
        address_of(name, address, hostile, slug=slug) + query_of(address.methods["GET"])
        for name, address in table.PAGES.items()
        if "GET" in address.methods
    ]
    of_names = [("service", {"service_id": found.pk}) for found in Service.objects.filter(game=hostile.game)]
    of_names += [("server", {"server_id": found.pk}) for found in GameServer.objects.filter(game=hostile.game)]
    each = [reverse(name, kwargs={"slug": slug, **ids}) for name, ids in of_names]
    seen = [*every, *(each if WHOLE else each[-1:]), *INSTALLATION, "/?all", "/games/new/", "/account/"]
    return [address for address in seen if not address.partition("?")[0].endswith(DOWNLOADS)]


def query_of(asked: table.Method) -> str:
    return f"?{urlencode(asked.body)}" if asked.body else ""


def look(visitor: Visitor, address: str) -> list[str]:
    """Opens a page, and says what it ran, showed or complained of."""
    visitor.complaints.clear()
    visitor.page.goto(address)
    TALLY.requests += 1
    if visitor.page.locator("[data-badge]").count():
        expect(visitor.page.locator("[data-badge]")).to_have_attribute("data-life", "live", timeout=PATIENCE * 1000)
    return faults_of(visitor, address)


def faults_of(visitor: Visitor, address: str) -> list[str]:
    faults = [f"{address}: {complaint}" for complaint in visitor.complaints]
    if not visitor.page.evaluate(IS_INNOCENT):
        faults.append(f"{address}: a text became part of the page")
    TALLY.xss += len(faults)
    return faults


def complaints_by_now(visitor: Visitor) -> list[str]:
    visitor.page.wait_for_timeout(50)  # milliseconds; the driver hears of them only while it waits
    return visitor.complaints


def test_no_text_becomes_part_of_a_page(site: Site, hostile: Filled, visitor: Visitor) -> None:
    report_all(site, hostile)
    Order.objects.filter(pk=hostile.ids["order_id"]).update(detail=MARK)
    pages = addresses(hostile)[:: 1 if WHOLE else 2]
    faults = [fault for address in pages for fault in look(visitor, address)]
    assert not faults, "\n".join(faults)
    assert len(pages) > 20


@pytest.mark.parametrize("name", ["overview", "servers", "setup"] if WHOLE else ["overview"])
def test_nor_does_one_that_comes_while_the_page_is_open(
    site: Site, hostile: Filled, visitor: Visitor, name: str
) -> None:
    address = reverse(name, kwargs={"slug": hostile.game.slug})
    assert look(visitor, address) == []
    report_all(site, hostile)
    expect(visitor.page.locator("body")).to_contain_text(CORPUS[0], timeout=PATIENCE * 1000)
    assert faults_of(visitor, address) == []


def test_an_injected_element_would_be_noticed(visitor: Visitor, hostile: Filled) -> None:
    address = reverse("overview", kwargs={"slug": hostile.game.slug})
    visitor.page.goto(address)
    visitor.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=pwned=1 data-x>')")
    wait_for(lambda: complaints_by_now(visitor), "the browser to refuse the handler")
    before = TALLY.xss
    assert len(faults_of(visitor, address)) >= 2
    TALLY.xss = before
