// Uploads: while one waits or is analysed its part of the page is fetched anew; when all have ended, the whole page.

const EVERY = 2_000; // ms

const section = document.querySelector("[data-uploads]");
const isMoving = () => section.querySelector("[data-moving]") !== null;

async function look() {
  if (document.hidden) return;
  const answer = await fetch(section.dataset.uploads);
  if (!answer.ok || answer.redirected) return;
  const part = new DOMParser()
    .parseFromString(await answer.text(), "text/html")
    .querySelector("[data-uploads-part]");
  section.replaceChildren(document.adoptNode(part));
  if (!isMoving()) location.reload();
}

if (isMoving()) setInterval(() => look().catch(() => {}), EVERY);
