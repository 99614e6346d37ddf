// The time of the takes from left to right: a ruler, the waveform, words, phones, the intensity, and lanes of others.

const GUTTER = 212; // pixels for names, left of everything that has a time

/** The stretch of time that is seen, `from` to `to` seconds, in a lane `width` pixels wide. */
class Span {
  constructor() {
    [this.from, this.to, this.length, this.width] = [0, 1, 1, 1];
  }

  x(time) {
    return ((time - this.from) / (this.to - this.from)) * this.width;
  }

  time(x) {
    return this.from + (x / this.width) * (this.to - this.from);
  }

  /** See `from` to `to`, as far as there is something; never less than a twentieth of a second. */
  show(from, to) {
    const wide = Math.min(Math.max(to - from, 0.05), this.length);
    this.from = Math.max(0, Math.min((from + to - wide) / 2, this.length - wide));
    this.to = this.from + wide;
  }

  zoom(factor, time) {
    this.show(time - (time - this.from) * factor, time + (this.to - time) * factor);
  }
}

class Timeline {
  /** player: what is shown, and what a click or a drag is reported to. */
  constructor(player) {
    this.player = player;
    this.span = new Span();
    this.surface = new Surface();
    this.element = element("div.lanes", {}, this.surface.canvas);
    this.lanes = [
      { name: "", height: 18, draw: this.drawRuler, drag: (time) => player.seek(time) },
      { name: "sound", height: 54, draw: this.drawWave, select: true },
      { name: "moods", height: 20, draw: this.drawMoods, items: () => this.take?.moods },
      { name: "words", height: 20, draw: this.drawWords, items: () => this.take?.words },
      { name: "phones", height: 20, draw: this.drawPhones, items: () => this.take?.phones },
      { name: "intensity", height: 30, draw: this.drawIntensity },
    ];
    this.listen();
  }

  get take() {
    return this.player.takes[this.player.selected];
  }

  /** The lanes that have something to show. */
  get shown() {
    return this.lanes.filter(({ items }) => !items || items()?.length);
  }

  /** A lane of somebody else, below that called `after`, or below all; `cursor` and `title` are for a time in it. */
  addLane({ name, after, height = 40, draw, down, move, up, cursor, title }) {
    const lane = { name, height, own: true, draw: (ctx, view) => draw(ctx, view), down, move, up, cursor, title };
    const at = this.lanes.findIndex((each) => each.name === after);
    this.lanes.splice(at < 0 ? this.lanes.length : at + 1, 0, lane);
    this.draw();
    return {
      redraw: () => this.draw(),
      remove: () => ((this.lanes = this.lanes.filter((each) => each !== lane)), this.draw()),
    };
  }

  draw() {
    const height = this.shown.reduce((sum, lane) => sum + lane.height, 0);
    this.element.style.height = `${height}px`;
    const ctx = this.surface.fit();
    this.colors = this.player.colors;
    this.span.width = Math.max(1, this.surface.width - GUTTER);
    let top = 0;
    for (const lane of this.shown) {
      ctx.fillStyle = this.colors.quiet;
      ctx.textAlign = "left";
      ctx.fillText(lane.name, 16, top + lane.height / 2);
      ctx.save();
      ctx.translate(GUTTER, top);
      ctx.beginPath();
      ctx.rect(0, 0, this.span.width, lane.height);
      ctx.clip();
      const { span } = this;
      const view = {
        x: (time) => span.x(time),
        time: (x) => span.time(x),
        width: span.width,
        height: lane.height,
        from: span.from,
        to: span.to,
      };
      lane.draw.call(this, ctx, view);
      ctx.restore();
      ctx.fillStyle = this.colors.line;
      ctx.fillRect(0, (top += lane.height) - 1, this.surface.width, 1);
    }
    this.drawLoop(ctx, height);
  }

  drawLoop(ctx, height) {
    const loop = this.pending ?? this.player.span;
    if (!loop) return;
    const [left, right] = loop.map((time) => GUTTER + Math.max(0, Math.min(this.span.width, this.span.x(time))));
    ctx.fillStyle = this.colors.accent;
    ctx.globalAlpha = 0.14;
    ctx.fillRect(left, 18, right - left, height - 18);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, 14, right - left, 4);
  }

  drawRuler(ctx, view) {
    const wanted = ((view.to - view.from) / view.width) * 90;
    const step =
      [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200].find((each) => each >= wanted) ??
      3600;
    ctx.fillStyle = this.colors.quiet;
    ctx.textAlign = "left";
    for (let i = Math.ceil(view.from / step); i * step <= view.to; i++) {
      const x = view.x(i * step);
      ctx.fillRect(x, 11, 1, 7);
      ctx.fillText(clockText(i * step, step < 0.1 ? 2 : step < 1 ? 1 : 0), x + 4, 8);
    }
  }

  drawWave(ctx, view) {
    const { sound } = this.player;
    const middle = view.height / 2;
    ctx.textAlign = "left";
    ctx.fillStyle = this.colors.quiet;
    if (!sound) return void ctx.fillText("no sound: the face moves by the clock", 8, middle);
    const rate = sound.low.length / sound.seconds,
      scale = (middle - 4) / 127;
    ctx.fillStyle = this.colors.text;
    ctx.globalAlpha = 0.55;
    for (let x = 0; x < view.width; x++) {
      const first = Math.floor(view.time(x) * rate),
        last = Math.max(first + 1, Math.floor(view.time(x + 1) * rate));
      if (first >= sound.low.length) break;
      let low = 127,
        high = -127;
      for (let i = first; i < last && i < sound.low.length; i++) {
        if (sound.low[i] < low) low = sound.low[i];
        if (sound.high[i] > high) high = sound.high[i];
      }
      ctx.fillRect(x, middle - high * scale - 0.5, 1, (high - low) * scale + 1);
    }
    ctx.globalAlpha = 1;
  }

  drawMoods(ctx, view) {
    this.drawItems(ctx, view, this.take.moods, () => this.colors.accent);
  }

  drawWords(ctx, view) {
    this.drawItems(ctx, view, this.take.words, () => this.colors.text);
  }

  drawPhones(ctx, view) {
    const marks = this.take.marks.filter(({ start, end }) => end >= view.from && start <= view.to);
    this.drawItems(ctx, view, this.take.phones, (phone) => {
      const marked = marks.some(({ start, end }) => start < phone.end && end > phone.start);
      return marked ? this.colors.bad : this.colors.quiet;
    });
    ctx.fillStyle = this.colors.bad;
    for (const { start, end } of marks) {
      const x = view.x(start);
      ctx.fillRect(x, view.height - 4, Math.max(3, view.x(end) - x), 3);
    }
  }

  /** Boxes with their texts; where they would be narrower than a sign, a line for every few. */
  drawItems(ctx, view, items, color) {
    ctx.textAlign = "center";
    let right = -1;
    for (const item of items) {
      if (item.end < view.from || item.start > view.to) continue;
      const left = view.x(item.start),
        wide = view.x(item.end) - left;
      if (left + wide < right + 1) continue; // its pixel is drawn
      right = left + wide;
      const hovered = item === this.hovered;
      ctx.fillStyle = this.colors.text;
      ctx.globalAlpha = hovered ? 0.2 : 0.06;
      ctx.fillRect(left + 0.5, 2, Math.max(1, wide - 1), view.height - 5);
      ctx.globalAlpha = 1;
      if (wide < 9) continue;
      ctx.fillStyle = color(item);
      // of a long item the text stays in sight
      const [seen, end] = [Math.max(left, 0), Math.min(left + wide, view.width)];
      ctx.fillText(fitText(ctx, item.text, end - seen - 2), (seen + end) / 2, view.height / 2);
    }
  }

  drawIntensity(ctx, view) {
    const { takes, selected } = this.player;
    const most = Math.max(1, ...takes.map(({ intensity }) => intensity.reduce((a, b) => Math.max(a, b), 0)));
    takes.forEach((take, i) => {
      ctx.strokeStyle = this.colors.take(i);
      ctx.globalAlpha = i === selected ? 1 : 0.55;
      drawCurve(ctx, view, take, (frame) => take.intensity[frame], 0, most, 3);
    });
    ctx.globalAlpha = 1;
  }

  /** The lane at a height of the canvas, and what is at a place in it. */
  at({ offsetX, offsetY }) {
    let top = 0;
    const lane = this.shown.find((each) => offsetY < (top += each.height));
    const time = this.span.time(offsetX - GUTTER);
    const item = lane?.items?.()?.find(({ start, end }) => start <= time && time < end);
    const y = lane ? (top - offsetY) / lane.height : 0;
    return { lane, time, item, y, inside: offsetX >= GUTTER };
  }

  listen() {
    const { canvas } = this.surface;
    const { player } = this;
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      const place = this.at(event);
      if (!place.lane || !place.inside || event.button) return;
      canvas.setPointerCapture(event.pointerId);
      held = { ...place, x: event.offsetX };
      if (place.lane.drag) place.lane.drag(place.time);
      place.lane.down?.(place.time, place.y, event);
    });
    canvas.addEventListener("pointermove", (event) => {
      const place = this.at(event);
      player.hover(place.inside ? place.time : null);
      if (held?.lane.drag) held.lane.drag(place.time);
      else if (held?.lane.own) held.lane.move?.(place.time, this.heightIn(held.lane, event), event);
      else if (held?.lane.select && Math.abs(event.offsetX - held.x) > 4) {
        const clipped = Math.max(0, Math.min(player.duration, place.time));
        this.pending = [Math.min(held.time, clipped), Math.max(held.time, clipped)];
        this.draw();
      }
      if (place.item !== this.hovered) {
        this.hovered = place.item;
        this.draw();
      }
      canvas.title = place.lane?.title?.(place.time) ?? this.describe(place);
      canvas.style.cursor =
        (place.inside && (held?.lane ?? place.lane)?.cursor?.(place.time)) ||
        (place.item ? "pointer" : place.lane?.select ? "text" : "default");
    });
    canvas.addEventListener("pointerup", () => {
      if (held?.lane.own) held.lane.up?.();
      else if (this.pending) player.setSpan(...this.pending);
      else if (held?.item) player.playSpan(held.item.start, held.item.end);
      else if (held && !held.lane.drag) player.seek(held.time);
      held = this.pending = null;
      this.draw();
    });
    canvas.addEventListener("pointercancel", () => (held = this.pending = null));
    canvas.addEventListener("pointerleave", () => player.hover(null));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** How high in a lane, 0 to 1, wherever the pointer has been dragged. */
  heightIn(lane, { offsetY }) {
    let bottom = 0;
    for (const each of this.shown) {
      bottom += each.height;
      if (each === lane) break;
    }
    return Math.max(0, Math.min(1, (bottom - offsetY) / lane.height));
  }

  describe({ item, lane }) {
    if (!item) return "";
    const notes =
      lane.name === "phones" ? this.take.marks.filter(({ start, end }) => start < item.end && end > item.start) : [];
    return [
      `${item.text}  ${item.start.toFixed(2)} to ${item.end.toFixed(2)} s`,
      ...notes.map(({ text }) => text),
    ].join("\n");
  }

  /** Zoom with the wheel around the pointer, move with shift or sideways. */
  wheel(event) {
    event.preventDefault();
    const { span } = this;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      const by = (sideways / span.width) * (span.to - span.from);
      span.show(span.from + by, span.to + by);
    } else span.zoom(Math.exp(event.deltaY * 0.0015), span.time(Math.max(0, event.offsetX - GUTTER)));
    this.player.redraw();
  }
}

/**
 * A curve of a take: a line through its frames, or where several fall on a pixel, from the lowest to the highest of
 * them, so that an hour takes no longer to draw than its frames take to read.
 */
function drawCurve(ctx, view, take, value, low, high, edge = 4) {
  const y = (each) => view.height - edge - ((each - low) / (high - low)) * (view.height - 2 * edge);
  const first = Math.max(0, Math.floor(view.from * take.fps)),
    last = Math.min(take.frames - 1, Math.ceil(view.to * take.fps));
  const dense = (last - first) / view.width > 1.5;
  ctx.beginPath();
  if (!dense) for (let t = first; t <= last; t++) ctx.lineTo(view.x(t / take.fps), y(value(t)));
  else {
    for (let x = 0, t = first; t <= last; x++) {
      let least = Infinity,
        most = -Infinity;
      for (const end = Math.min(last, Math.ceil(view.time(x + 1) * take.fps)); t <= end; t++) {
        const each = value(t);
        if (each < least) least = each;
        if (each > most) most = each;
      }
      if (most < least) continue;
      ctx.moveTo(x + 0.5, y(least) + 0.5);
      ctx.lineTo(x + 0.5, y(most) - 0.5);
    }
  }
  ctx.lineWidth = 1.2;
  ctx.lineJoin = "round";
  ctx.stroke();
}
