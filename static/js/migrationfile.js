// Changes of a rewrite by keys: j and k go from one to the next, y accepts, n rejects, e edits, u reopens.

const changes = [...document.querySelectorAll("[data-change]")];
const BUTTONS = { y: "accepted", n: "rejected", u: "open" };

function current() {
  return changes.indexOf(document.activeElement.closest("[data-change]"));
}

function goTo(place) {
  const change = changes[place];
  if (!change) return;
  change.focus({ preventScroll: true });
  change.scrollIntoView({ block: "nearest" });
}

function edit(change) {
  const form = change.querySelector("details");
  if (!form) return;
  form.open = true;
  form.querySelector("textarea").focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input, textarea, select");
  const place = current();
  if (typing) {
    if (event.key === "Escape" && place !== -1) goTo(place);
    return;
  }
  if (event.key === "j") goTo(place + 1);
  else if (event.key === "k") goTo(place === -1 ? changes.length - 1 : place - 1);
  else if (place === -1) return;
  else if (event.key === "e") {
    edit(changes[place]);
    event.preventDefault(); // the letter would be typed
  } else if (event.key in BUTTONS)
    changes[place].querySelector(`button[value="${BUTTONS[event.key]}"]`)?.click();
}

document.addEventListener("keydown", onKey);
// After a decision the address names the next change.
const named = document.getElementById(location.hash.slice(1))?.closest("[data-change]");
if (named) goTo(changes.indexOf(named));
