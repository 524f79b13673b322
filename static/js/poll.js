// Asks for the page's whole state where no socket is to be had: often while it changes, seldom while it does not, and
// not at all while nobody looks.

const FAST = 2_000; // ms after something changed
const SLOW = 8_000; // ms; data without news for 12 s would be called stale
const SLOWER = 1.5; // times the pause before, after nothing changed

export class Poll {
  /** `on`: {message(state), fresh(), lost(), ended(code)}; codes are the socket's. */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.etag = "";
    this.running = false;
    this.works = false; // whether the last answer was one
    document.addEventListener("visibilitychange", () => this.running && this.ask());
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.pause = FAST;
    this.ask();
  }

  stop() {
    this.running = false;
    this.works = false;
    clearTimeout(this.timer);
  }

  async ask() {
    clearTimeout(this.timer);
    if (document.hidden || this.asking) return;
    this.asking = true;
    try {
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      await this.take(await fetch(this.url, { headers, cache: "no-store" }));
    } catch {
      this.missed();
    }
    this.asking = false;
    // Jitter, so that browsers that lost a server do not ask in step.
    const pause = this.pause * (0.75 + Math.random() / 2);
    if (this.running) this.timer = setTimeout(() => this.ask(), pause);
  }

  async take(answer) {
    if (answer.redirected || answer.status === 404) {
      this.stop();
      this.on.ended(answer.redirected ? 4401 : 4404);
    } else if (answer.status === 304) {
      this.works = true;
      this.pause = Math.min(this.pause * SLOWER, SLOW);
      this.on.fresh();
    } else if (answer.ok) {
      this.works = true;
      this.pause = FAST;
      this.etag = answer.headers.get("ETag") ?? "";
      this.on.message(await answer.json());
    } else this.missed();
  }

  missed() {
    this.works = false;
    this.pause = SLOW;
    this.on.lost();
  }
}
