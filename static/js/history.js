// The last hour in columns: samples from the server, and a last point that moves with what the socket brings.

const SPAN = 3_600_000; // ms

export class History {
  /** `sample` = {at: [ms], resolution: s, series: [{id, name, values}], sparks}. */
  constructor(sample) {
    this.at = sample.at;
    this.step = (sample.resolution ?? 10) * 1000;
    this.names = new Map(sample.series.map(({ id, name }) => [id, name]));
    this.columns = new Map(sample.series.map(({ id, values }) => [id, values]));
    for (const [id, values] of Object.entries(sample.sparks ?? {}))
      this.columns.set(`spark:${id}`, values);
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
    while (this.at[0] < at - SPAN) {
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
}

export { SPAN };
