// The search over everything of a game: `/` opens it, arrows walk through what is found, Enter goes there.

const TYPING_PAUSE = 200; // ms
const LEAST = 2; // characters

const dialog = document.getElementById("search");
let request = null;
let typing = 0;

function part(name) {
  return dialog.querySelector(`[data-search-${name}]`);
}

/** Opens the search, if the page is one of a game. */
export function openSearch(event) {
  if (!dialog) return;
  event.preventDefault();
  dialog.showModal();
  part("all").select();
}

function entry({ kind, name, note, href }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = href;
  const word = document.createElement("span");
  word.className = "tag";
  word.textContent = kind;
  const title = document.createElement("bdi");
  title.className = "name";
  title.textContent = name;
  const more = document.createElement("bdi");
  more.className = "meta";
  more.textContent = note;
  link.append(word, title, more);
  item.append(link);
  return item;
}

function show(said, results = []) {
  part("said").textContent = said;
  part("found").replaceChildren(...results.map(entry));
}

function told(results, complete) {
  const sum = results.length === 0 ? "Nothing has this in its name." : `${results.length} found.`;
  return complete
    ? sum
    : `${sum} Owners were left out: there are too many connections to look through.`;
}

async function ask() {
  request?.abort();
  const text = part("all").value.trim();
  if (text.length < LEAST) {
    show("Type two characters or more.");
    return;
  }
  request = new AbortController();
  try {
    const answer = await fetch(`${dialog.dataset.searchUrl}?${new URLSearchParams({ q: text })}`, {
      signal: request.signal,
    });
    if (!answer.ok || answer.redirected) throw new Error(`the server answered ${answer.status}`);
    const { results, complete } = await answer.json();
    show(told(results, complete), results);
  } catch (error) {
    if (error.name !== "AbortError") show(`Not searched: ${error.message}.`);
  }
}

/** Arrows go from the field into the results and back; Enter in the field takes the first one, Escape closes. */
function onKey(event) {
  const links = [...part("found").querySelectorAll("a")];
  const place = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown") links[Math.min(place + 1, links.length - 1)]?.focus();
  else if (event.key === "ArrowUp") (links[place - 1] ?? part("all")).focus();
  else if (event.key === "Enter" && place === -1) links[0]?.click();
  // A search field keeps the first Escape to empty itself.
  else if (event.key === "Escape") dialog.close();
  else return;
  event.preventDefault();
}

export function startSearch() {
  if (!dialog) return;
  part("all").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(ask, TYPING_PAUSE);
  });
  dialog.addEventListener("keydown", onKey);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
