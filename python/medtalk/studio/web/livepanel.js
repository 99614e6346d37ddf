// The panel of a live stream, in the place of the time lanes: what it does, how loud it is, how late the face is.

/** Its states, as they are called to the user. */
const LIVE_STATES = {
  off: "",
  opening: "opening the microphone",
  connecting: "waiting for the studio",
  on: "listening",
  over: "ended",
};

/**
 * Lets the face follow the microphone in the place of the takes. `studio` is asked for the settings, and gets back what
 * is kept (`studio.animate`).
 */
class LivePanel {
  static SHOWN = 400; // milliseconds from one look at the figures to the next
  static LEVELS = 300; // blocks of sound whose level is drawn
  static STAYS = 0.02; // seconds, the longest half of the time that a picture is taken to stay
  static KEEPS = 0.5; // seconds, from which on a stream is worth keeping

  constructor(studio) {
    Object.assign(this, { studio, state: "off", number: 0, before: null, stream: null, capture: null });
    Object.assign(this, { schedule: null, frames: new Map(), shown: -1, levels: [], seconds: 0, held: null });
    this.settings = null; // those that the face follows now
    this.take = new LiveTake();
    this.build();
    document.addEventListener("visibilitychange", () => this.on && this.show());
    navigator.mediaDevices?.addEventListener("devicechange", () => this.on && this.list());
  }

  build() {
    const act = (text, title, click) => element("button.act", { type: "button", title, click }, text);
    this.dot = element("i.live-dot");
    this.word = element("b");
    this.figures = element("span.live-figures", { "aria-label": "How late the face is" });
    this.devices = element("select", { name: "device", "aria-label": "Microphone", change: () => this.exchange() });
    this.surface = new Surface();
    this.meter = element("div.live-meter", { role: "img", "aria-label": "How loud it is" }, this.surface.canvas);
    this.keepIt = act("Keep", "End it, and have it as a take", () => this.keep());
    this.stopIt = act("Stop", "End it", () => this.stop());
    this.again = act("Again", "Start again", () => this.start());
    this.leaveIt = act("Leave", "Back to the takes", () => this.leave());
    this.element = element(
      "section.live",
      { hidden: true, "aria-label": "Live" },
      element("div.row.live-head", {}, this.dot, this.word, this.figures),
      this.meter,
      element("div.live-foot", {}, this.devices, element("span.gap"), this.keepIt, this.stopIt, this.again, this.leaveIt),
    );
    this.studio.player.parts.face.parentElement.append(this.element);
  }

  /** Whether it has the place of the takes. */
  get on() {
    return this.state !== "off";
  }

  get running() {
    return this.state === "on";
  }

  /** Start, or stop what runs. */
  toggle() {
    if (!this.on || this.state === "over") return this.start();
    return this.stop();
  }

  // --- its life

  async start() {
    const own = ++this.number; // of this start: one that was stopped meanwhile does nothing more
    const { studio } = this;
    this.enter();
    this.turn("opening");
    try {
      this.capture = null;
      const capture = await Capture.open(
        (samples, age) => own === this.number && this.hear(samples, age),
        () => own === this.number && this.unplugged(),
        this.devices.value,
      );
      if (own !== this.number) return void capture.close();
      this.capture = capture;
      capture.context.onstatechange = () => own === this.number && this.paused();
      await this.list();
      if (own !== this.number) return;
      this.turn("connecting");
      const settings = studio.history.now;
      const stream = await LiveStream.open(settings, capture.rate, studio.engine.tab, {
        frames: (first, rows, speaking) => own === this.number && this.come(first, rows, speaking),
        dropped: (seconds) => own === this.number && (this.dropped = seconds),
        guided: (those) => own === this.number && this.guided(those),
        refused: (error, those) => own === this.number && this.refused(error, those),
        gone: (error) => own === this.number && this.fail(error),
      });
      if (own !== this.number) return void stream.close();
      [this.stream, this.settings, this.began] = [stream, settings, settings];
      [this.schedule, this.shown, this.seconds, this.dropped, this.late] = [new Schedule(capture.rate), -1, 0, 0, 0];
      this.turn("on");
      if (settings !== studio.history.now) this.guide(studio.history.now);
      this.ticked = this.told = performance.now();
      this.tick(own, this.ticked);
    } catch (error) {
      if (own === this.number) this.fail(error);
    }
  }

  /** The head is ours from now on. */
  enter() {
    const { player, toolbar } = this.studio;
    toolbar.say("");
    [this.held, this.levels, this.speaking] = [null, [], false];
    this.frames.clear();
    this.delays = [];
    if (this.before) return;
    player.pause();
    const { sound, takes, selected, mode, span, time } = player;
    this.before = { sound, takes, selected, mode, span, time };
    player.setSpan(null);
    player.setSound(null);
    player.setTakes([this.take]);
    document.body.classList.add("live-on");
    this.element.hidden = false;
  }

  /** Let go of the microphone and the studio; the face stays as it was last. */
  release() {
    this.number++;
    this.capture?.close();
    this.stream?.close();
    this.capture = this.stream = null;
    this.frames.clear();
    if (!this.before) return;
    this.studio.player.stage?.rest(); // which empties the canvas where it gets all its pixels again
    this.studio.player.draw();
  }

  /** It cannot go on; what was streamed is lost. */
  fail(error) {
    this.release();
    this.turn("over");
    this.studio.complain(error instanceof EngineError ? error : { message: microphoneError(error) });
  }

  /** End it; what was streamed can be kept. */
  async stop() {
    if (this.state !== "on") {
      this.release();
      return this.leave();
    }
    const { stream } = this;
    this.stream = null;
    this.release();
    this.turn("over");
    const own = this.number;
    try {
      const ended = await stream.end(`live ${this.studio.recordings + 1}.wav`);
      if (own === this.number && ended.streamed && ended.seconds >= LivePanel.KEEPS) this.held = ended;
    } catch (error) {
      if (own === this.number) this.studio.complain(error);
    }
    this.show();
  }

  /** End it, and have it as a take with its sound. */
  async keep() {
    if (this.state === "on") await this.stop();
    const { held, studio } = this;
    if (!held) return;
    this.leave(false);
    studio.recordings++;
    const { region, fps, finishing } = this.began;
    await studio.animate(held.sound, held.streamed, { ...this.settings, region, fps, finishing });
  }

  /** Back to the takes. `asks` for the take of the settings now, if it is another one. */
  leave(asks = true) {
    if (!this.before) return;
    this.number++;
    const { player } = this.studio;
    const { sound, takes, selected, mode, span, time } = this.before;
    this.before = null;
    document.body.classList.remove("live-on");
    this.element.hidden = true;
    player.setSound(sound);
    player.setTakes(takes);
    player.select(selected);
    player.setMode(mode);
    player.setSpan(...(span ?? [null]));
    player.seek(time);
    this.turn("off");
    if (asks && this.studio.sound) this.studio.resume();
  }

  /** Another sound comes: what was streamed goes, if it was not kept. */
  abandon() {
    this.release();
    this.leave(false);
  }

  turn(state) {
    this.state = state;
    this.show();
    this.studio.refresh();
  }

  // --- the microphone

  hear(samples, age) {
    this.levels.push(peakOf(samples));
    if (this.levels.length > LivePanel.LEVELS) this.levels.shift();
    if (!this.running || !this.stream) return;
    this.schedule.heard(samples.length, performance.now() / 1000 - age);
    this.seconds += samples.length / this.capture.rate;
    this.stream.push(samples);
  }

  async list() {
    const found = await Capture.devices();
    const usual = element("option", { value: "" }, "the usual microphone");
    const options = found.map(({ deviceId, label }, i) => element("option", { value: deviceId }, label || `microphone ${i + 1}`));
    const { value } = this.devices;
    this.devices.replaceChildren(usual, ...options);
    this.devices.value = found.some(({ deviceId }) => deviceId === value) ? value : "";
  }

  /** Another microphone was chosen. */
  async exchange() {
    if (!this.capture) return;
    try {
      await this.capture.exchange(this.devices.value);
    } catch (error) {
      this.studio.toolbar.say(microphoneError(error), "error"); // the one before is still heard
    }
  }

  async unplugged() {
    await this.stop();
    const rest = this.held ? " What was streamed until then can be kept." : "";
    this.studio.toolbar.say(`The microphone was unplugged, or taken away from the page.${rest}`, "error");
  }

  /** The browser has stopped the sound, for a call or another device, or goes on with it. */
  paused() {
    const context = this.capture?.context;
    if (!context || context.state === "closed") return;
    if (context.state !== "running") context.resume().catch(() => {});
    this.show();
  }

  // --- the mood

  /** The settings have changed. */
  guide(settings) {
    if (!this.running || !this.stream) return;
    const stay = ["region", "fps", "finishing"].find((name) => settings[name] !== this.began[name]);
    if (stay) this.studio.toolbar.say(`The ${TITLES[stay] ?? stay} counts from the next start on.`);
    this.stream.guide(settings);
  }

  guided(settings) {
    this.settings = settings;
  }

  refused(error, settings) {
    this.studio.complain(error);
    if (settings === this.studio.history.now) this.studio.history.back(this.settings);
    this.studio.refresh();
  }

  // --- the face

  come(first, rows, speaking) {
    this.speaking = speaking;
    const now = performance.now() / 1000;
    this.schedule.came(first, now);
    rows.forEach((row, i) => {
      if (first + i > this.shown) this.frames.set(first + i, row);
      else this.late++;
    });
    // while the tab is hidden nothing is drawn, and what is over is forgotten here
    const newest = this.newest(now);
    for (const each of this.frames.keys()) if (each < newest) this.frames.delete(each);
  }

  /** The number of the newest frame that is due; -1 for none. */
  newest(now) {
    const due = this.schedule.due(now);
    let newest = -1;
    for (const frame of this.frames.keys()) if (frame <= due && frame > newest) newest = frame;
    return newest;
  }

  tick(own, now) {
    if (own !== this.number) return;
    requestAnimationFrame((at) => this.tick(own, at));
    // a picture stays until the next one: it shows the middle of that time
    const middle = Math.min(LivePanel.STAYS, (now - this.ticked) / 2000);
    const newest = this.newest(performance.now() / 1000 + middle);
    if (newest > this.shown) this.see(newest, now);
    if (now - this.told > LivePanel.SHOWN) {
      this.told = now;
      this.show();
    }
    this.drawLevels();
  }

  see(frame, now) {
    const { player } = this.studio;
    this.take.now.set(this.frames.get(frame));
    for (const each of this.frames.keys()) if (each <= frame) this.frames.delete(each);
    player.stage?.hurry(now - this.ticked);
    this.ticked = now;
    this.shown = frame;
    player.draw();
    const seen = performance.now() / 1000;
    this.delays.push([seen, seen - this.schedule.sounded(frame)]);
    while (this.delays[0][0] < seen - 2) this.delays.shift();
    document.dispatchEvent(new CustomEvent("live", { detail: { frame, seen, values: this.take.now } }));
  }

  /** How long after its sound a frame is seen, in seconds: the median of the last two seconds. */
  get delay() {
    const sorted = this.delays.map(([, delay]) => delay).sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 0;
  }

  // --- what the panel says

  show() {
    const { state } = this;
    const paused = this.capture && this.capture.context.state === "suspended";
    const heard = this.running && this.speaking ? "hearing you" : LIVE_STATES[state];
    this.word.textContent = paused && this.running ? "paused by the browser" : heard;
    this.element.dataset.state = paused ? "paused" : state;
    const [opening, over] = [state === "opening" || state === "connecting", state === "over"];
    this.keepIt.hidden = !(this.running || (over && this.held));
    this.keepIt.textContent = over && this.held ? `Keep ${this.held.seconds.toFixed(1)} s` : "Keep";
    this.keepIt.disabled = this.running && this.seconds < LivePanel.KEEPS;
    this.stopIt.hidden = !(this.running || opening);
    this.again.hidden = this.leaveIt.hidden = !over;
    this.figures.textContent = this.running ? this.said() : "";
    this.studio.toolbar.showLive(this.running || opening);
  }

  said() {
    const parts = [clockText(this.seconds, 0)];
    if (this.delays.length) {
      const pace = this.delays.length / Math.max(0.5, this.delays.at(-1)[0] - this.delays[0][0]);
      parts.push(`the face is ${Math.round(1000 * this.delay)} ms behind`, `${Math.round(Math.min(LIVE_FPS, pace))} frames a second`);
    }
    const lost = Math.round(this.dropped * LIVE_FPS) + this.late;
    parts.push(lost ? `${lost} dropped` : "none dropped");
    return parts.join(" · ");
  }

  drawLevels() {
    const ctx = this.surface.fit();
    const { width, height } = this.surface;
    const { colors } = this.studio.player;
    const step = width / LivePanel.LEVELS;
    ctx.fillStyle = colors.accent;
    const first = LivePanel.LEVELS - this.levels.length;
    this.levels.forEach((level, i) => {
      const tall = Math.max(1, Math.min(1, level ** 0.7) * height);
      ctx.fillRect((first + i) * step, (height - tall) / 2, Math.max(1, step - 0.5), tall);
    });
  }
}
