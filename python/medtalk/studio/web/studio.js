// The studio: the player with live controls. A change gives other settings, whose take comes from the engine.

class Studio {
  static REST = 1200; // milliseconds without a change, before the take is judged
  static MOMENT = 500; // milliseconds, after which it is shown how far a take is
  static JUDGED = 300; // seconds; a longer take is not judged, which would hold up the next change

  static async open() {
    const engine = new Engine();
    const about = await engine.start();
    const studio = new Studio(engine, about, await Head.read(await engine.head(), about.board));
    if (about.sound) await studio.load({ ...studio.history.now, sound: about.sound });
    if (about.guidance.includes("auto")) engine.hears().then((hears) => (studio.form.heard.hidden = !hears));
    return studio;
  }

  constructor(engine, about, head) {
    Object.assign(this, { engine, about, take: null, made: null, kept: null, heard: null, microphone: null, recordings: 0 });
    [this.loading, this.replays, this.began] = [0, false, 0];
    this.asked = new WeakMap(); // when settings were made, to measure how long they take
    this.history = new History(usualSettings(about));
    KEYS.push(
      ["T", "talk: the face follows the microphone, or stops"],
      ["K", "keep the take as A"],
      ["X", "A or B"],
      ["Delete", "remove the mood that is chosen"],
      ["ctrl Z", "undo; with shift, redo"],
    );
    this.player = new Player(document.querySelector(".studio-player"), head, about.board);
    this.toolbar = new Toolbar(this, about);
    document.querySelector(".studio-head").append(this.toolbar.element);
    this.player.parts.face.append(this.toolbar.message);
    this.form = new Form(
      about,
      (patch, gesture) => this.change(patch, gesture),
      () => this.rest(),
      (file) => this.show(file),
    );
    this.player.side.prepend(this.form.element);
    // one draws in ours
    this.player.timeline.lanes = this.player.timeline.lanes.filter(({ name }) => !["intensity", "moods"].includes(name));
    this.plays = element("input", { type: "checkbox", checked: true, name: "plays" });
    this.player.bar.append(
      element("label.plays", { title: "Play again after each change" }, this.plays, "play changes"),
    );
    this.curve = new CurveLane(
      this.player,
      (curve) => this.change({ curve }, "curve"),
      () => this.rest(),
    );
    this.spans = new SpanLane(
      this.player,
      about,
      (timeline, gesture) => this.change({ timeline }, gesture),
      () => this.rest(),
      () => this.spanForm?.show(),
    );
    this.spanForm = new SpanForm(this.spans, this.form);
    this.form.addSection(this.spanForm.element);
    this.live = new LivePanel(this);
    this.pump = new Pump(
      engine,
      (take, settings) => this.receive(take, settings),
      (error, settings) => this.refuse(error, settings),
      ({ sound }) => this.follow(sound.name),
    );
    this.player.addEventListener("play", () => (this.began = this.player.time));
    for (const event of ["select", "span"]) this.player.addEventListener(event, () => this.refresh());
    document.addEventListener("keydown", (event) => this.key(event));
    this.listenToDrops();
    this.refresh();
    if (!about.sound) this.invite();
  }

  /** Whether a sound is being heard; until then nothing else is asked for. */
  get waits() {
    return document.body.classList.contains("waiting");
  }

  set waits(on) {
    document.body.classList.toggle("waiting", on);
  }

  /** Before there is a sound the head rests, and says what to do. */
  invite() {
    document.body.classList.add("empty");
    this.player.setTakes([restingTake()]);
    const open = element("button.act", { type: "button", click: () => this.toolbar.file.click() }, "Open a recording");
    const record = element("button.act", { type: "button", click: () => this.record() }, "Record your voice");
    const live = element("button.act", { type: "button", click: () => this.live.toggle() }, "Speak live");
    this.invitation = element("div.invitation", {}, element("p", {}, "Drop a recording here"), open, record, live);
    this.player.parts.face.parentElement.append(this.invitation);
  }

  // --- settings

  /** Ask for something else; the changes of one gesture are one step of the history. */
  change(patch, gesture) {
    if (this.waits) return this.refresh();
    this.history.change(Object.freeze({ ...this.history.now, streamed: null, ...patch }), gesture);
    this.demand(gesture === null);
  }

  /** A gesture is over. */
  rest() {
    this.history.rest();
    if (this.pump.busy) this.replays = true;
    else this.replay();
  }

  undo() {
    if (!this.waits && this.history.undo()) this.demand(true, () => this.history.redo());
  }

  redo() {
    if (!this.waits && this.history.redo()) this.demand(true, () => this.history.undo());
  }

  /** Ask for the take of the settings now; `back` goes where they were, if they are of a sound that is gone. */
  demand(final, back) {
    const { now } = this.history;
    clearTimeout(this.judging);
    this.refresh();
    if (this.live.on) return this.live.guide(now);
    if (!now.sound) return;
    if (now.sound.id !== this.sound?.id)
      return void this.load(now).then((loaded) => loaded || (back(), this.resume()));
    this.asked.set(now, performance.now());
    this.replays ||= final;
    if (this.kept && this.player.selected === 0) this.front(1);
    this.pump.ask(now);
  }

  receive(take, settings) {
    if (settings.sound.id !== this.sound?.id) return;
    this.put(take, settings);
    const since = this.asked.get(settings);
    this.player.replaceTake(this.kept ? 1 : 0, take); // which draws it
    requestAnimationFrame(() => {
      document.dispatchEvent(new CustomEvent("taken", { detail: { milliseconds: performance.now() - since } }));
    });
    if (!this.pump.wanted && this.replays) this.replay();
  }

  /** `take` is the one that is changed from now on, and these are its settings. */
  put(take, settings) {
    take.name = this.kept ? "B" : settings.sound.name;
    [this.take, this.made] = [take, settings];
    this.resume();
    if (!settings.curve) this.heard = take.intensity;
    this.toolbar.say(take.meta.note ?? "");
    this.refresh();
  }

  /** Settings of which no take can be made: all goes back to those of the take that is seen. */
  refuse(error, settings) {
    if (settings !== this.history.now) return; // newer ones are on their way
    this.complain(error);
    this.history.back(this.made);
    this.replays = false;
    this.resume();
  }

  /** Nothing is asked for now: judge the take soon, if it is that of the settings now, or else ask for theirs. */
  resume() {
    clearTimeout(this.judging);
    this.refresh();
    const { take, made, history } = this;
    if (made && made !== history.now && !this.pump.busy) this.demand(false);
    else if (made === history.now && take.seconds <= Studio.JUDGED && !take.summary.length)
      this.judging = setTimeout(() => this.judge(made), Studio.REST);
  }

  /** Have a take judged whose settings stayed for a while, and show what is wrong with it. */
  async judge(settings) {
    const judged = await this.engine.take(settings, true).catch(() => null);
    if (!judged) return;
    for (const own of [this.kept, { take: this.take, settings: this.made }]) {
      if (own?.settings === settings) [own.take.marks, own.take.summary] = [judged.marks, judged.summary];
    }
    this.player.show();
  }

  /** Play what was changed, from where it was played before, unless it plays. */
  replay() {
    this.replays = false;
    if (!this.plays.checked || this.player.playing || !this.take) return;
    this.player.seek(this.player.span ? this.player.span[0] : this.began);
    this.player.play();
  }

  refresh() {
    const { now, before, undone } = this.history;
    this.form.show(now);
    this.curve.show(now.curve, this.heard);
    this.spans.show(now.timeline);
    this.spanForm.show();
    this.toolbar.show({
      sound: this.sound,
      undo: before.length,
      redo: undone.length,
      kept: this.kept !== null,
      span: this.player.span,
      front: this.kept ? this.player.selected : 1,
      recording: this.microphone !== null,
      live: this.live?.on ?? false,
    });
  }

  complain(error) {
    this.toolbar.say(error.message, "error");
  }

  // --- sounds and pictures

  /** A sound from a file or a recording; whatever is wrong with it, the page stays as it is. */
  async open(file, name = file.name) {
    try {
      this.toolbar.say(`reading ${name}`);
      const sound = await this.engine.keep(file, name, this.about.limits.sound);
      await this.animate(sound, null, this.history.now);
    } catch (error) {
      this.complain(error);
    }
  }

  /** Another sound, in these settings; `streamed` is the id of the take that was made of it live, or null. */
  async animate(sound, streamed, settings) {
    const more = { sound, streamed, curve: null, timeline: null, transcript: null };
    if (!(await this.load({ ...settings, ...more }))) this.resume();
  }

  /** Settings with another sound: they count when it was heard; whether it was. The newest of several wins. */
  async load(settings) {
    const number = ++this.loading;
    clearTimeout(this.judging);
    const stop = this.follow(settings.sound.name);
    this.waits = true;
    try {
      const take = await this.engine.take(settings);
      const sound = await this.engine.sound(settings.sound.id);
      if (number !== this.loading) {
        sound.close();
        return true;
      }
      this.live.abandon();
      const before = this.player.sound;
      if (!this.sound) this.history = new History(Object.freeze(settings));
      else if (settings !== this.history.now) this.history.change(Object.freeze(settings), null);
      this.invitation?.remove();
      document.body.classList.remove("empty");
      [this.sound, this.kept, this.began] = [settings.sound, null, 0];
      if (settings.curve) this.heard = take.intensity;
      this.player.pause();
      this.player.setSpan(null);
      this.player.setSound(sound);
      this.put(take, settings);
      this.player.setTakes([take]);
      this.player.seek(0);
      before?.close();
    } catch (error) {
      if (number !== this.loading) return true;
      this.complain(error);
      return false;
    } finally {
      stop();
      if (number === this.loading) this.waits = false;
      this.refresh();
    }
    return true;
  }

  /** Show how far a take is that takes longer than a moment, until what is returned is called. */
  follow(name) {
    let over = false;
    const timer = setInterval(async () => {
      const { phase, fraction } = await this.engine.progress().catch(() => ({}));
      if (!over) this.toolbar.say(`${name}: ${phase ? `${phase}, ${Math.round(100 * fraction)} %` : "waiting"}`);
    }, Studio.MOMENT);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }

  /** A picture that leads the emotion. */
  async show(file) {
    try {
      const picture = await this.engine.keep(file, file.name, this.about.limits.picture, "picture");
      this.change(this.form.making({ picture, text: "" }), null);
    } catch (error) {
      this.complain(error);
    }
  }

  async record() {
    if (this.microphone) return this.stopRecording();
    try {
      this.player.pause();
      this.microphone = await Microphone.open((level, seconds) => {
        this.toolbar.hear(level, seconds);
        if (this.microphone?.bytes > this.about.limits.sound) this.stopRecording();
      });
    } catch (error) {
      const why = error instanceof EngineError ? error.message : `${microphoneError(error)} You may also open a file.`;
      this.toolbar.say(why, "error");
    }
    this.refresh();
  }

  async stopRecording() {
    const { microphone } = this;
    if (!microphone) return;
    this.microphone = null;
    this.refresh();
    this.recordings++;
    await this.open(await microphone.close(), `recording ${this.recordings}.wav`);
  }

  listenToDrops() {
    const over = (on) => document.body.classList.toggle("dropping", on);
    addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    addEventListener("dragleave", (event) => event.relatedTarget ?? over(false));
    addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      const file = event.dataTransfer.files[0];
      if (!file) return;
      const picture = file.type.startsWith("image/") && this.about.guidance.includes("image");
      if (picture) this.show(file);
      else this.open(file);
    });
  }

  // --- A and B, exports, keys

  /** Keep the take that is changed as A; changes go on in B. */
  keep() {
    if (!this.take || this.live.on) return;
    this.kept = { take: this.take, settings: this.made };
    const b = Object.assign(Object.create(Object.getPrototypeOf(this.take)), this.take, { name: "B" });
    this.kept.take.name = "A";
    this.take = b;
    this.player.setTakes([this.kept.take, b]);
    this.player.setMode("one");
    this.front(1);
  }

  forget() {
    if (!this.kept) return;
    this.kept = null;
    this.take.name = this.sound.name;
    this.player.setTakes([this.take]);
    this.refresh();
  }

  /** Bring A (0) or B (1) to the front, at the same time. */
  front(number) {
    if (this.kept && !this.live.on) this.player.select(number);
    this.refresh();
  }

  flip() {
    this.front(1 - this.player.selected);
  }

  async export(ending) {
    const front = this.kept && this.player.selected === 0 ? this.kept.settings : this.history.now;
    const span = this.player.span && this.toolbar.part.checked ? this.player.span : null;
    try {
      this.toolbar.say(`writing ${ending}`);
      const url = URL.createObjectURL(await this.engine.file(front, ending, span));
      const stem = this.sound.name.replace(/\.[^.]*$/, "") || "take";
      element("a", { href: url, download: stem + ending }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      this.toolbar.say(`${stem}${ending} is in your downloads`);
    } catch (error) {
      this.complain(error);
    }
  }

  key(event) {
    const { activeElement: at } = document;
    const writes =
      at instanceof HTMLTextAreaElement || (at instanceof HTMLInputElement && !["range", "checkbox"].includes(at.type));
    if (writes) return; // its own undo is meant
    const key = event.key.toLowerCase();
    const acts =
      event.ctrlKey || event.metaKey
        ? { z: () => (event.shiftKey ? this.redo() : this.undo()), y: () => this.redo() }
        : {
            x: () => this.kept && this.flip(),
            k: () => this.keep(),
            t: () => this.live.toggle(),
            delete: () => this.live.on || this.spans.remove(),
          };
    if (!acts[key] || event.altKey) return;
    event.preventDefault();
    acts[key]();
  }
}

/** A take of one frame in which nothing moves. */
function restingTake() {
  const none = { channels: [], low: [], step: [], bytes: new Uint8Array(0), shorts: new Uint16Array(0), intensity: [] };
  return new Take({
    name: "",
    fps: 60,
    frames: 1,
    meta: {},
    words: [],
    phones: [],
    marks: [],
    summary: [],
    strength: 1,
    arrays: none,
  });
}

Studio.open().then(
  (studio) => (window.studio = studio),
  (error) => {
    document.querySelector(".studio-head").textContent = error.message;
    throw error;
  },
);
