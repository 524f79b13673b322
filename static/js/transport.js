// How live messages come: over a socket, and where none is to be had by asking. One that is blocked is tried again now
// and then.

import { Poll } from "./poll.js";

const FIRST_RETRY = 500; // ms
const LAST_RETRY = 10_000; // ms
const RETRY_POLLING = 60_000; // ms between two tries of a socket, while asking works
const FRUITLESS = 3; // sockets that brought nothing, until it is asked
const SILENCE = 10_000; // ms after which a socket that has brought nothing brings nothing
const FINAL = [4401, 4403, 4404];

class Transport {
  constructor(on) {
    const { live, game, poll } = document.body.dataset;
    this.on = on;
    this.retry = FIRST_RETRY;
    this.fruitless = 0;
    this.query = new URLSearchParams({ game, page: live });
    this.poll = new Poll(poll, {
      message: on.message,
      fresh: on.fresh,
      lost: on.lost,
      ended: (code) => this.end(code),
    });
  }

  open() {
    if (this.hasEnded) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/v1/live?${this.query}`);
    let hasSpoken = false;
    const silence = setTimeout(() => socket.close(), SILENCE);
    socket.addEventListener("message", (event) => {
      clearTimeout(silence);
      hasSpoken = true;
      this.poll.stop();
      this.fruitless = 0;
      this.retry = FIRST_RETRY;
      this.on.message(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      clearTimeout(silence);
      this.lose(event.code, hasSpoken);
    });
  }

  lose(code, hasSpoken) {
    if (FINAL.includes(code)) return this.end(code);
    if (!this.poll.running) this.on.lost();
    if (!hasSpoken) this.fruitless += 1;
    if (this.fruitless >= FRUITLESS) this.poll.start();
    // Jitter, so that a restarted server is not met by every browser at once.
    const pause = this.poll.works ? RETRY_POLLING : this.retry;
    setTimeout(() => this.open(), pause * (0.5 + Math.random()));
    this.retry = Math.min(this.retry * 2, LAST_RETRY);
  }

  end(code) {
    this.hasEnded = true;
    this.poll.stop();
    this.on.ended(code);
  }
}

/** Connects. `on`: {message(state), fresh(), lost(), ended(code)}; `fresh`: nothing has changed. */
export function connect(on) {
  const transport = new Transport(on);
  // Pages for whoever has a link have no socket.
  if (document.body.dataset.live) transport.open();
  else transport.poll.start();
  return transport;
}
