// Which columns of a table are shown: chosen in its menu, kept in the address (`hide=memory,version`).

const NAME = "hide";
const MOST = 16; // columns that tables.css can hide

function keyOf(head) {
  return head.textContent
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-");
}

function hidden() {
  const asked = new URLSearchParams(location.search).get(NAME) ?? "";
  return new Set(asked.split(",").filter(Boolean));
}

function remember(keys) {
  const asked = new URLSearchParams(location.search);
  if (keys.size) asked.set(NAME, [...keys].join(","));
  else asked.delete(NAME);
  history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
}

// Classes on what stays, not on cells: rows and whole tables are replaced under them.
function apply(section, heads) {
  const keys = hidden();
  heads.forEach((head, index) => {
    if (index > 0 && index < MOST)
      section.classList.toggle(`hide-${index + 1}`, keys.has(keyOf(head)));
  });
}

function choice(section, heads, head) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = !hidden().has(keyOf(head));
  box.addEventListener("change", () => {
    const keys = hidden();
    if (box.checked) keys.delete(keyOf(head));
    else keys.add(keyOf(head));
    remember(keys);
    apply(section, heads);
  });
  label.append(box, ` ${head.textContent.trim()}`);
  return label;
}

/** Fills the menus [data-columns], each for the table beside it. The first column names its row and stays. */
export function offerColumns() {
  for (const menu of document.querySelectorAll("[data-columns]")) {
    const section = menu.closest("section");
    const heads = [...section.querySelectorAll("thead th")];
    menu.hidden = heads.length === 0;
    const choices = heads.slice(1).map((head) => choice(section, heads, head));
    menu.querySelector("[data-column-list]").replaceChildren(...choices);
    apply(section, heads);
  }
}
