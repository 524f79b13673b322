/** A reload must not make another one of what was shown once: the address becomes the page's own. */
export function replaceAddress() {
  const shown = document.querySelector("[data-replace-address]");
  if (shown) history.replaceState(null, "", shown.dataset.replaceAddress);
}
