// The player: faces, their sound and their curves, at one time. The page of a preview and the studio both use it.

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const MODES = { side: "side by side", one: "one", difference: "difference" };

/**
 * Fills `root` with the player. Events: "time", "play", "pause", "span", "select", "mode", and "drawn" after a frame was
 * drawn, with {time, frames: the frame of each take}.
 */
class Player extends EventTarget {
  constructor(root, head, board) {
    super();
    this.takes = [];
    this.sound = null;
    this.selected = 0;
    this.mode = "side";
    this.span = null; // [start, end] of a loop, in seconds
    this.once = null; // where to stop, of a word or phone that is played alone
    this.hovered = null; // seconds, where the pointer is in the time line
    this.shortcuts = true;
    this.clock = new Clock();
    this.clock.onend = () => this.ended();
    this.clock.onerror = () => this.note("This browser cannot play the sound. The face moves without it.");
    root.classList.add("player");
    this.colors = palette(root);
    this.timeline = new Timeline(this);
    this.curves = new Curves(this, board);
    this.values = [];
    buildPlayer(this, root);
    try {
      this.stage = new Stage(this.parts.canvas, head);
      this.resetView = orbit(this.parts.canvas, this.stage.view, () => this.draw());
      this.parts.canvas.addEventListener("webglcontextrestored", () => this.draw());
    } catch (error) {
      this.stage = null;
      this.parts.canvas.remove();
      this.parts.blank.hidden = false;
      this.parts.blank.textContent = `The face cannot be drawn here: ${error.message}. The sound and the curves work.`;
    }
    listenToKeys(this, root.ownerDocument);
    new ResizeObserver(() => this.redraw()).observe(root);
    this.show();
  }

  get time() {
    return this.clock.at;
  }

  get duration() {
    return this.clock.length;
  }

  get playing() {
    return this.clock.playing;
  }

  get side() {
    return this.parts.side;
  }

  get bar() {
    return this.parts.bar;
  }

  // --- what is played

  setSound(sound) {
    this.sound = sound;
    this.clock.setSound(sound);
    this.changed();
  }

  setTakes(takes) {
    this.takes = [...takes];
    this.selected = Math.min(this.selected, Math.max(0, takes.length - 1));
    if (takes.length < 2) this.mode = "side";
    this.changed();
  }

  /** Put another take in the place of one; time, loop, view and choice stay. */
  replaceTake(i, take) {
    this.takes[i] = take;
    this.changed();
  }

  changed() {
    const { span } = this.timeline,
      { length } = this.clock,
      whole = span.to - span.from >= span.length;
    this.clock.length = Math.max(this.sound?.seconds ?? 0, ...this.takes.map(({ seconds }) => seconds), 0);
    span.length = Math.max(this.duration, 0.05);
    if (whole || length === 0) span.show(0, span.length);
    else span.show(span.from, span.to);
    this.values = this.takes.map(() => new Float32Array(this.curves.channels.length));
    this.note(this.lengths());
    this.show();
  }

  /** A line about lengths that differ, or "". Nothing is stretched. */
  lengths() {
    const odd =
      this.sound &&
      this.takes.find(({ seconds, fps }) => Math.abs(seconds - this.sound.seconds) > Math.max(1 / fps, 0.05));
    if (!odd) return "";
    return `The sound lasts ${this.sound.seconds.toFixed(2)} s and ${this.takes.length > 1 ? odd.name : "the rig"} ${odd.seconds.toFixed(2)} s. Both start together, neither is stretched.`;
  }

  // --- time

  play() {
    if (this.playing || !this.duration) return;
    if (this.span && !this.once && (this.time < this.span[0] || this.time >= this.span[1] - 1e-3))
      this.clock.seek(this.span[0]);
    this.clock.play();
    this.tell("play");
    this.ticked = performance.now();
    this.ticking ??= requestAnimationFrame((now) => this.tick(now));
    this.showState();
  }

  pause() {
    this.once = null;
    if (!this.playing) return;
    this.clock.time();
    this.clock.pause();
    this.ended();
  }

  ended() {
    this.once = null;
    if (this.span && this.time >= this.duration - 1e-3 && this.span[1] >= this.duration - 1e-3) {
      this.clock.seek(this.span[0]);
      return this.clock.play();
    }
    this.tell("pause");
    this.showState();
    this.stage?.rest();
    this.draw();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  tick(now) {
    this.ticking = null;
    const time = this.clock.time();
    if (!this.playing) return;
    if (this.once !== null && time >= this.once) {
      const end = this.once;
      this.pause();
      this.clock.seek(end);
    } else if (this.once === null && this.span && time >= this.span[1]) this.clock.seek(this.span[0]);
    this.follow();
    this.stage?.hurry(now - this.ticked);
    this.ticked = now;
    this.draw();
    this.ticking = this.playing ? requestAnimationFrame((at) => this.tick(at)) : null;
  }

  seek(time) {
    this.once = null;
    this.clock.seek(time);
    this.tell("time");
    this.draw();
  }

  /** Go on or back by so many frames of the take in front. */
  step(frames) {
    const take = this.takes[this.selected];
    if (!take) return;
    this.pause();
    const frame = Math.max(0, Math.min(take.frames - 1, take.frameAt(this.time) + frames));
    this.seek(frame / take.fps);
    this.reveal(this.time);
  }

  setSpeed(speed) {
    this.clock.setSpeed(speed);
    this.showState();
  }

  /** Loop from `start` to `end` seconds; null plays through. */
  setSpan(start, end) {
    const known = start !== null && end - start > 0.01;
    this.span = known ? [Math.max(0, start), Math.min(this.duration, end)] : null;
    if (this.span && (this.time < this.span[0] || this.time > this.span[1])) this.clock.seek(this.span[0]);
    this.tell("span");
    this.timeline.draw();
    this.showState();
    this.draw();
  }

  /** Play from `start` to `end` seconds and stop there. */
  playSpan(start, end) {
    this.pause();
    this.clock.seek(start);
    this.once = end;
    this.play();
  }

  // --- what is seen

  select(i) {
    if (i < 0 || i >= this.takes.length) return;
    this.selected = i;
    this.tell("select");
    this.show();
  }

  setMode(mode) {
    if (!(mode in MODES) || (this.takes.length < 2 && mode !== "side")) return;
    this.mode = mode;
    if (mode === "difference" && this.selected === 0) this.selected = 1;
    this.tell("mode");
    this.show();
  }

  /** The faces on the stage: the number of a take, that of one it is compared with, and its box. */
  faces() {
    const { takes, selected, mode } = this;
    if (!takes.length) return [];
    if (mode === "one") return [{ i: selected, from: null, box: [0, 0, 1, 1] }];
    if (mode === "difference") return [{ i: selected, from: selected === 0 ? 1 : 0, box: [0, 0, 1, 1] }];
    const { clientWidth, clientHeight } = this.parts.face;
    // as many columns as make the faces largest
    const size = (count) =>
      Math.min(clientWidth / count / SEEN[0], clientHeight / Math.ceil(takes.length / count) / SEEN[1]);
    const columns = takes.reduce((best, _, i) => (size(i + 1) > size(best) ? i + 1 : best), 1);
    const rows = Math.ceil(takes.length / columns);
    return takes.map((_, i) => ({
      i,
      from: null,
      box: [(i % columns) / columns, Math.floor(i / columns) / rows, 1 / columns, 1 / rows],
    }));
  }

  /** How far a curve of the take in front is from that of the other, over all frames: the largest difference. */
  difference(channel) {
    const [one, other] = [this.takes[this.selected], this.takes[this.selected === 0 ? 1 : 0]];
    let most = 0;
    for (let t = 0; t < one.frames; t++) {
      const there = other.frameAt(t / one.fps);
      most = Math.max(most, Math.abs(one.value(channel, t) - other.value(channel, there)));
    }
    return most;
  }

  /** Everything anew, after other takes, another choice or another size. */
  redraw() {
    this.stage?.resize();
    this.timeline.draw();
    this.curves.draw();
    placeLabels(this);
    this.draw();
  }

  show() {
    this.parts.cards.replaceChildren(...this.takes.map((take, i) => takeCard(this, take, i)));
    this.curves.list();
    this.showState();
    this.redraw();
  }

  showState() {
    showControls(this);
  }

  /** The face and what else follows the time. */
  draw() {
    const frames = this.takes.map((take) => take.frameAt(this.time));
    if (this.stage) {
      this.takes.forEach((take, i) => take.values(frames[i], this.values[i]));
      this.largest = this.stage.draw(
        this.faces().map(({ i, from, box }) => ({
          values: this.values[i],
          from: from === null ? null : this.values[from],
          box,
        })),
      );
    }
    showTime(this, frames[this.selected] ?? 0);
    this.curves.drawValues();
    this.tell("drawn", { time: this.time, frames });
  }

  hover(time) {
    if (time === this.hovered && time === null) return;
    this.hovered = time;
    showHover(this);
    this.curves.drawValues();
  }

  /** While a part is seen and the time leaves it, turn the page. */
  follow() {
    const { span } = this.timeline;
    if (this.time >= span.to && span.to < span.length) this.reveal(this.time, 0.05);
    else if (this.time < span.from) this.reveal(this.time, 0.05);
  }

  /** Bring a time into sight, at this part of the width. */
  reveal(time, part = 0.3) {
    const { span } = this.timeline,
      wide = span.to - span.from;
    if (time >= span.from && time <= span.to && part === 0.3) return;
    span.show(time - part * wide, time + (1 - part) * wide);
    this.timeline.draw();
    this.curves.draw();
  }

  note(text) {
    this.parts.note.textContent = text;
    this.parts.note.hidden = !text;
  }

  addLane(lane) {
    return this.timeline.addLane(lane);
  }

  tell(name, detail = { time: this.time }) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
