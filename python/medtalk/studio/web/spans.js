// Moods over time: the lane under the waveform in which spans are drawn, and the settings of the one that is chosen.

const LEAST_SPAN = 0.1; // seconds
const USUAL_FADE = 0.5; // seconds, of a span that names none (medtalk_wire.settings.FADE)
const GRIP = 6; // pixels to either side of an edge, within which it is taken hold of

/**
 * `onChange(timeline, gesture)` gets the spans, frozen, null for none; a drag keeps the name of its gesture until
 * `onRest()`. `onChoose()` is called when another span is chosen.
 */
class SpanLane {
  constructor(player, about, onChange, onRest, onChoose) {
    Object.assign(this, { player, about, onChange, onRest, onChoose, spans: [], chosen: -1, held: null });
    this.lane = player.addLane({
      name: "moods",
      after: "sound",
      height: 24,
      draw: (context, view) => this.draw(context, view),
      down: (time) => this.down(time),
      move: (time) => this.move(time),
      up: () => this.up(),
      cursor: (time) => this.cursor(time),
      title: () => "Drag to set a mood from here to there",
    });
  }

  /** The span that is chosen, or undefined. */
  get span() {
    return this.spans[this.chosen];
  }

  show(timeline) {
    this.spans = timeline ?? [];
    if (this.chosen >= this.spans.length) this.chosen = this.spans.length - 1;
    this.lane.redraw();
  }

  choose(number) {
    this.chosen = number;
    this.lane.redraw();
    this.onChoose();
  }

  /** Change the span that is chosen. */
  change(patch, gesture) {
    if (this.span) this.set(this.chosen, { ...this.span, ...patch }, gesture);
  }

  /** A new span, chosen: where the page plays a part, there; else from the playhead on, for a second. */
  add() {
    const length = this.player.duration;
    const start = Math.min(this.player.span?.[0] ?? this.player.time, length - LEAST_SPAN);
    const end = this.player.span?.[1] ?? Math.min(start + 1, length);
    this.set(this.spans.length, this.fresh(start, end), null);
    this.choose(this.spans.length - 1);
  }

  remove() {
    if (!this.span) return;
    const rest = this.spans.filter((_, number) => number !== this.chosen);
    this.chosen = Math.min(this.chosen, rest.length - 1);
    this.tell(rest, null);
  }

  /** A span with the mood that was chosen last. */
  fresh(start, end) {
    const emotion = this.span?.emotion ?? this.about.labels.find((label) => label !== "neutral");
    return { start, end, emotion, intensity: 1, fade: USUAL_FADE };
  }

  set(number, span, gesture) {
    const spans = this.spans.slice();
    let start = rounded(span.start);
    // of two spans the later one leads, so no two start at once
    while (spans.some((each, other) => other !== number && each.start === start)) start = rounded(start + 0.001);
    spans[number] = { ...span, start, end: Math.max(rounded(span.end), rounded(start + LEAST_SPAN)) };
    this.tell(spans, gesture);
  }

  tell(spans, gesture) {
    this.spans = spans;
    this.onChange(spans.length ? Object.freeze(spans.map((span) => Object.freeze(span))) : null, gesture);
  }

  // --- the mouse

  /** The edge or the span at a time: {number, part}, where part is "start", "end" or "all"; null for none. */
  at(time) {
    const { span } = this.player.timeline;
    const near = (edge) => Math.abs(span.x(edge) - span.x(time)) <= GRIP;
    // the one that is chosen lies on top, then the later ones
    const order = this.spans.map((_, number) => number).sort((a, b) => (b === this.chosen) - (a === this.chosen) || b - a);
    for (const part of ["start", "end"]) {
      const number = order.find((each) => near(this.spans[each][part]));
      if (number !== undefined) return { number, part };
    }
    const number = order.find((each) => this.spans[each].start <= time && time < this.spans[each].end);
    return number === undefined ? null : { number, part: "all" };
  }

  cursor(time) {
    const part = (this.held ?? this.at(time))?.part;
    return part === "all" ? "grab" : part ? "ew-resize" : "crosshair";
  }

  down(time) {
    const found = this.at(time);
    this.held = { ...(found ?? { number: -1, part: "end" }), from: this.clipped(time), moved: false };
    if (found) this.held.before = this.spans[found.number];
    this.choose(found ? found.number : -1);
  }

  move(time) {
    const { held, player } = this;
    const to = this.clipped(time);
    const { span } = player.timeline;
    if (!held || (!held.moved && Math.abs(span.x(to) - span.x(held.from)) < 4)) return;
    held.moved = true;
    if (held.number < 0) {
      held.before = this.fresh(held.from, held.from);
      held.number = this.chosen = this.spans.length;
      this.onChoose();
    }
    const { start, end } = held.before;
    let changed = { start: Math.min(to, held.from), end: Math.max(to, held.from) }; // one that is being made
    if (held.part === "all") {
      const by = Math.max(-start, Math.min(player.duration - end, to - held.from));
      changed = { start: start + by, end: end + by };
    } else if (held.part === "start") changed = { start: Math.min(to, end - LEAST_SPAN), end };
    else if (start < end) changed = { start, end: Math.max(to, start + LEAST_SPAN) };
    if (changed.end - changed.start < LEAST_SPAN) return;
    this.set(held.number, { ...held.before, ...changed }, "span");
  }

  up() {
    const { held } = this;
    this.held = null;
    if (held?.moved) this.onRest();
  }

  clipped(time) {
    return Math.max(0, Math.min(this.player.duration, time));
  }

  // --- how it looks

  draw(context, view) {
    const { colors } = this.player;
    context.textAlign = "left";
    if (!this.spans.length) {
      context.fillStyle = colors.faint;
      return void context.fillText("drag here to set a mood from one moment to another", 8, view.height / 2);
    }
    this.spans.forEach((span, number) => number !== this.chosen && this.box(context, view, span, false));
    if (this.span) this.box(context, view, this.span, true);
  }

  /** A span, with its cross-fades as slopes, half before and half behind its edges. */
  box(context, view, span, chosen) {
    const { colors } = this.player;
    const half = Math.min(span.fade, span.end - span.start) / 2;
    const [top, bottom] = [3, view.height - 4];
    const lead = span.start > 0 ? half : 0; // at the very beginning there is nothing to fade from
    context.beginPath();
    context.moveTo(view.x(span.start - lead), bottom);
    context.lineTo(view.x(span.start + lead), top);
    context.lineTo(view.x(span.end - half), top);
    context.lineTo(view.x(span.end + half), bottom);
    context.closePath();
    context.fillStyle = colors.panel;
    context.fill();
    context.fillStyle = colors.take(this.about.labels.indexOf(span.emotion));
    context.globalAlpha = 0.2 + 0.35 * Math.min(1, span.intensity / 2);
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = chosen ? colors.text : colors.quiet;
    context.lineWidth = 1;
    context.stroke();
    for (const edge of [span.start, span.end]) {
      context.fillStyle = chosen ? colors.text : colors.quiet;
      context.fillRect(view.x(edge) - 0.5, top, chosen ? 2 : 1, bottom - top);
    }
    const [left, right] = [Math.max(0, view.x(span.start) + 6), Math.min(view.width, view.x(span.end) - 4)];
    context.fillStyle = colors.text;
    context.fillText(fitText(context, spanText(span), Math.max(0, right - left)), left, view.height / 2);
  }
}

/** The settings of the span that is chosen, and a button for each: what the mouse does in the lane, keys do here. */
class SpanForm {
  constructor(lane, form) {
    Object.assign(this, { lane, form, last: -1 });
    const act = (text, title, click) => element("button.act", { type: "button", title, click }, text);
    this.list = element("div.chips.spans", {});
    this.mood = element(
      "select",
      { name: "span.emotion", change: () => lane.change({ emotion: this.mood.value }, null) },
      ...lane.about.labels.map((label) => element("option", { value: label }, label)),
    );
    const number = (name, title, limits, help) => {
      const knob = { name: `span.${name}`, limits, default: name === "fade" ? USUAL_FADE : 1 };
      const change = (value, gesture) => lane.change(this.valid(name, value), gesture);
      const { control, show } = form.number(knob, change);
      return { row: element("label.row", { title: help }, element("span", {}, title), control), show, name };
    };
    this.numbers = [
      number("start", "from", null, "Seconds of the sound at which the mood begins"),
      number("end", "to", null, "Seconds of the sound at which the mood ends"),
      number("intensity", "intensity", [0, 4], "Multiplies the intensity within the span"),
      number("fade", "fade", [0, 5], "Seconds of the cross-fades at its edges"),
    ];
    this.remove = act("Remove", "Remove this mood (Delete)", () => lane.remove());
    this.detail = element(
      "div.span",
      {},
      element("label.row", {}, element("span", {}, "mood"), this.mood),
      ...this.numbers.map(({ row }) => row),
    );
    const add = act("Add a mood", "From the playhead on, or over the part that is marked", () => lane.add());
    const buttons = element("div.row.wide", {}, add, this.remove);
    this.element = form.section("Moods over time", false, this.list, this.detail, buttons);
  }

  /** The patch of a number: the edges of a span stay within the sound and in their order. */
  valid(name, value) {
    const { span, player } = this.lane;
    if (name === "start") return { start: Math.max(0, Math.min(value, span.end - LEAST_SPAN)) };
    if (name === "end") return { end: Math.max(span.start + LEAST_SPAN, Math.min(value, player.duration)) };
    return { [name]: value };
  }

  show() {
    const { spans, span, chosen } = this.lane;
    const focused = this.list.contains(document.activeElement);
    this.list.replaceChildren(
      ...spans.map((each, number) =>
        element(
          "button.chip",
          {
            type: "button",
            "aria-pressed": String(number === chosen),
            title: `${each.start.toFixed(2)} to ${each.end.toFixed(2)} s`,
            click: () => this.lane.choose(number),
          },
          spanText(each),
        ),
      ),
    );
    if (focused) this.list.children[chosen]?.focus();
    this.list.hidden = !spans.length;
    this.detail.hidden = this.remove.hidden = !span;
    if (!span) return void (this.last = -1);
    if (this.last !== chosen) this.element.open = true;
    this.last = chosen;
    this.mood.value = span.emotion;
    for (const { name, show } of this.numbers) show(span[name]);
  }
}

function rounded(seconds) {
  return Math.round(seconds * 1000) / 1000;
}
