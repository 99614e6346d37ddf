// The lane in which the intensity is drawn with the mouse, under the waveform.

const CURVE_FPS = 60;

class CurveLane {
  /** `onDraw(curve)` gets what was drawn so far, `onRest()` is called when the mouse lets go. */
  constructor(player, onDraw, onRest) {
    Object.assign(this, { onDraw, onRest, curve: null, heard: null, top: 1, last: null });
    this.lane = player.addLane({
      name: "intensity",
      height: 56,
      draw: (context, view) => this.draw(context, view),
      down: (time, y) => this.begin(time, y),
      move: (time, y) => this.move(time, y),
      up: () => this.end(),
    });
  }

  /** Show the curve that was drawn, null for none, beside that which is heard in the voice. */
  show(curve, heard) {
    if (this.last && curve === this.curve && heard === this.heard) return;
    Object.assign(this, { curve, heard });
    // what was heard has a third of the lane above it to draw in; the scale stays while one draws
    if (!this.last) this.top = Math.max(1, 1.5 * peak(heard), 1.05 * peak(curve));
    this.lane.redraw();
  }

  draw(context, view) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    if (!this.heard) return;
    this.line(context, view, this.heard, colour(this.curve ? "--line" : "--quiet"), false);
    if (this.curve) this.line(context, view, this.curve, colour("--accent"), true);
  }

  line(context, view, values, colour, filled) {
    const y = (value) => view.height - 1 - (view.height - 4) * Math.min(1, value / this.top);
    const first = Math.max(0, Math.floor(view.from * CURVE_FPS));
    const last = Math.min(values.length - 1, Math.ceil(view.to * CURVE_FPS));
    const step = Math.max(1, Math.floor((last - first) / (2 * view.width)));
    context.beginPath();
    for (let frame = first; frame <= last; frame += step) context.lineTo(view.x(frame / CURVE_FPS), y(values[frame]));
    context.strokeStyle = colour;
    context.lineWidth = filled ? 1.5 : 1;
    context.stroke();
    if (!filled) return;
    context.lineTo(view.x(last / CURVE_FPS), view.height);
    context.lineTo(view.x(first / CURVE_FPS), view.height);
    context.globalAlpha = 0.15;
    context.fillStyle = colour;
    context.fill();
    context.globalAlpha = 1;
  }

  begin(time, y) {
    if (!this.heard) return;
    this.last = { frame: this.frame(time), y };
    this.move(time, y);
  }

  /** Everything from where the mouse was to where it is lies on a line between the two. */
  move(time, y) {
    if (!this.last) return;
    const [from, to] = [this.last, { frame: this.frame(time), y }];
    const drawn = Float32Array.from(this.curve ?? this.heard);
    const count = Math.abs(to.frame - from.frame);
    for (let i = 0; i <= count; i++) {
      const part = count ? i / count : 1;
      const height = Math.max(0, Math.min(1, from.y + part * (to.y - from.y)));
      drawn[from.frame + Math.sign(to.frame - from.frame) * i] = this.top * height;
    }
    this.last = to;
    this.curve = drawn;
    this.lane.redraw();
    this.onDraw(drawn);
  }

  end() {
    if (!this.last) return;
    this.last = null;
    this.onRest();
  }

  frame(time) {
    return Math.max(0, Math.min(this.heard.length - 1, Math.round(time * CURVE_FPS)));
  }
}

function peak(values) {
  return values ? values.reduce((most, value) => Math.max(most, value), 0) : 0;
}
