// Copies of the icons and state marks that the page brings along in templates.

/** A state as icon and word; with `hideWord` the word is for screen readers only. */
export function mark(state, hideWord = false) {
  const found = document
    .getElementById("marks")
    .content.querySelector(`[data-state="${CSS.escape(state)}"]`);
  const copy = found.cloneNode(true);
  copy.lastElementChild.classList.toggle("visually-hidden", hideWord);
  return copy;
}

/** Puts another icon in the place of the first one inside `element`. */
export function setIcon(element, name) {
  const old = element.querySelector(".icon");
  if (old.dataset.icon === name) return;
  const found = document
    .getElementById("icons")
    .content.querySelector(`[data-icon="${CSS.escape(name)}"]`);
  old.replaceWith(found.cloneNode(true));
}
