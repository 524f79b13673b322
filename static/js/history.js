// Values over time in columns: samples from the server, and a last point that moves with what the socket brings.

export class History {
  /** `at` in ms, `step` in seconds, `columns` of values by name, `span` in ms: what is older than that goes. */
  constructor({ at, step, columns, span }) {
    this.at = at;
    this.step = (step ?? 10) * 1000;
    this.columns = new Map(Object.entries(columns));
    this.span = span;
    this.tipSince = null;
  }

  get isEmpty() {
    return this.at.length === 0;
  }

  /** Puts in the newest values; after a step's time they stay and a new point begins. */
  tip(at, newest) {
    const isNew = this.tipSince === null || at - this.tipSince >= this.step;
    if (isNew) this.tipSince = at;
    const index = isNew ? this.at.length : this.at.length - 1;
    this.at[index] = at;
    for (const [id, values] of this.columns) values[index] = newest(id) ?? null;
    while (this.at[0] < at - this.span) {
      this.at.shift();
      for (const values of this.columns.values()) values.shift();
    }
    return isNew;
  }

  /** A column as points; where samples are missing the line is broken. */
  points(id) {
    const values = this.columns.get(id);
    const points = [];
    for (let index = 0; index < this.at.length; index += 1) {
      if (index > 0 && this.at[index] - this.at[index - 1] > 3 * this.step)
        points.push({ x: this.at[index] - 1, y: null });
      points.push({ x: this.at[index], y: values[index] });
    }
    return points;
  }

  /** A column's newest known value, or null. */
  last(id) {
    return this.columns.get(id)?.findLast((value) => value !== null) ?? null;
  }
}
