// The page of a study: consent, takes one by one or two by two, votes, and a file of them at the end.

const VOTES_FORMAT = 1;
const PARTICIPANT = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;

/** A study in `root`. Its state is `seen`: the participant's session, with a vote for each trial that is done. */
class Study {
  constructor(root, about, head, board, blobs) {
    Object.assign(this, { root, about, blobs });
    this.values = [0, 1].map(() => new Float32Array(board.channels.length));
    this.takes = [];
    this.clock = new Clock();
    this.clock.onend = () => this.ended();
    this.clock.onerror = () => this.broken("This browser cannot play the sound.");
    root.classList.add("study");
    this.canvas = element("canvas.head", { role: "img", "aria-label": "A face that speaks" });
    this.head = head;
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.stage && (this.stage.resize(), this.draw())).observe(root);
    this.welcome();
  }

  // --- before

  welcome() {
    const { about } = this;
    const given = new URLSearchParams(location.search).get("participant") ?? "";
    const name = element("input", { type: "text", value: given, maxlength: "40", autocomplete: "off", spellcheck: "false" });
    const agreed = element("input", { type: "checkbox" });
    const wrong = element("p.wrong", { role: "alert" });
    const begin = () => {
      if (!PARTICIPANT.test(name.value.trim()))
        wrong.textContent = "Type the code that you were given: letters, digits and . - _ only, and no name.";
      else if (!agreed.checked) wrong.textContent = "Without your consent the study cannot begin.";
      else this.begin(name.value.trim());
    };
    const enter = (event) => event.key === "Enter" && (event.preventDefault(), event.stopPropagation(), begin());
    name.addEventListener("keydown", enter);
    const count = trialsOf(about, "").length;
    const what = about.kind === "rating" ? "a face that speaks" : "two faces that speak the same sound";
    this.show(
      element(
        "section.text",
        {},
        element("h1", {}, about.title),
        element("p", {}, `You will see ${what}, ${count} times, and answer ${about.questions.length} questions each time.`),
        element("p", {}, "Use headphones if you can, and set the sound so that you hear every word. There are no right answers: say what you see. You can pause between two faces; this browser keeps your place."),
        element("label.field", {}, element("span", {}, "Your code (not your name)"), name),
        element("label.consent", {}, agreed, element("span", {}, about.consent)),
        wrong,
        element("button.next", { type: "button", click: begin }, "Begin"),
      ),
    );
    name.focus();
  }

  begin(participant) {
    this.participant = participant;
    this.trials = trialsOf(this.about, participant);
    this.seen = this.kept() ?? {
      medtalk_votes: VOTES_FORMAT,
      study: this.about.id,
      kind: this.about.kind,
      participant,
      session: crypto.getRandomValues(new Uint32Array(3)).reduce((text, each) => text + each.toString(16).padStart(8, "0"), ""),
      began: new Date().toISOString(),
      votes: [],
    };
    this.next();
  }

  // --- what is kept in this browser

  get place() {
    return `medtalk-study/${this.about.id}/${this.participant}`;
  }

  /** The session that this participant has begun here, or null. */
  kept() {
    try {
      const seen = JSON.parse(localStorage.getItem(this.place));
      return seen?.study === this.about.id && Array.isArray(seen.votes) && seen.votes.length <= this.trials.length ? seen : null;
    } catch {
      return null; // damaged, or a browser that keeps nothing
    }
  }

  keep() {
    try {
      localStorage.setItem(this.place, JSON.stringify(this.seen));
    } catch {
      this.keepless = true;
    }
  }

  // --- a trial

  get trial() {
    return this.trials?.[this.seen?.votes.length];
  }

  async next() {
    this.clock.pause();
    this.play = this.form = null; // what is on the page still takes no more answers
    if (this.forward) this.forward.disabled = true;
    if (!this.trial) return this.finish();
    this.answers = {};
    this.plays = 0;
    this.whole = false;
    this.since = performance.now();
    if (this.trial.wanted !== undefined) return this.check();
    const { clip, takes } = this.trial;
    const trial = this.trial;
    const [sound, ...read] = await Promise.all([
      Sound.read(this.blobs("sound", clip)),
      ...takes.map((take) => Take.read(this.blobs("take", take))),
    ]);
    if (trial !== this.trial) return;
    this.sound?.close();
    this.sound = sound;
    this.takes = read;
    this.clock.setSound(sound);
    this.clock.length = Math.max(sound.seconds, ...read.map(({ seconds }) => seconds));
    this.clock.seek(0);
    this.play = element("button.play", { type: "button", click: () => this.toggle() }, "Play");
    this.done = element("i");
    const sides = takes.length > 1 ? ["Left", "Right"] : [];
    this.layout(
      element(
        "div.faces",
        {},
        this.canvas,
        element("div.sides", {}, ...sides.map((side) => element("span", {}, side))),
        element("div.track", {}, this.done),
      ),
      this.play,
      takes.length > 1 ? "Space plays. ← and → answer, Enter goes on." : "Space plays. 1 to 5 answer, Enter goes on.",
    );
    this.form.disabled = true;
    this.startStage();
    this.draw();
    this.play.focus();
  }

  /** The stage, when there is a canvas on the page; without WebGL2 the study cannot be. */
  startStage() {
    try {
      this.stage ??= new Stage(this.canvas, this.head);
      this.stage.resize();
    } catch (error) {
      this.broken(`The face cannot be drawn here: ${error.message}.`);
    }
  }

  /** An attention check: the answer is said. */
  check() {
    const { wanted } = this.trial,
      told = typeof wanted === "number" ? `“${wanted}”` : `“${wanted[0].toUpperCase()}${wanted.slice(1)}”`;
    this.takes = [];
    this.layout(
      element("div.faces.asked", {}, element("p", {}, `A check that somebody reads this: please answer ${told} to each question.`)),
      "",
      typeof wanted === "number" ? "1 to 5 answer, Enter goes on." : "← and → answer, Enter goes on.",
    );
  }

  layout(faces, play, keys) {
    const { about, trials, seen } = this;
    this.questions = about.questions.map((question, i) => this.question(question, i));
    this.form = element("fieldset.form", {}, ...this.questions);
    this.hint = element("p.hint", { "aria-live": "polite" });
    this.forward = element("button.next", { type: "button", click: () => this.vote() }, "Next");
    this.keys = keys;
    const number = seen.votes.length + 1;
    const progress = element("progress", { max: String(trials.length), value: String(seen.votes.length) });
    this.show(
      element("header", {}, progress, element("span.number", {}, `${number} of ${trials.length}`)),
      faces,
      element("div.under", {}, play, this.form, element("footer", {}, this.hint, this.forward)),
    );
    this.state();
  }

  question({ name, text }, i) {
    const { kind, scale } = this.about;
    const choices = kind === "rating" ? scale : [["left", "Left"], ["right", "Right"]];
    const radios = choices.map(([value, label]) => {
      const radio = element("input", { type: "radio", name, value: String(value), change: () => this.answer(i, value) });
      const parts = kind === "rating" ? [element("b", {}, String(value)), element("small", {}, label)] : [element("b", {}, label)];
      return element("label.choice", {}, radio, element("span", {}, ...parts));
    });
    return element("fieldset.question", {}, element("legend", {}, text), element("div.choices", {}, ...radios));
  }

  answer(i, value) {
    this.answers[this.about.questions[i].name] = value;
    this.state();
  }

  get complete() {
    return this.about.questions.every(({ name }) => name in this.answers);
  }

  state() {
    if (!this.form) return;
    const seen = this.whole || this.trial?.wanted !== undefined;
    this.form.disabled = !seen || Boolean(this.trouble);
    this.forward.disabled = !seen || !this.complete || Boolean(this.trouble);
    if (this.play) this.play.textContent = this.clock.playing ? "Pause" : this.whole ? "Play again" : "Play";
    const asked = !seen ? "Play it to the end, then answer." : this.complete ? "" : "Answer each question.";
    this.hint.textContent = this.trouble || [asked, this.keys].filter(Boolean).join(" ");
  }

  vote() {
    if (this.forward.disabled) return;
    const { trial, answers, plays } = this;
    const seconds = Math.round((performance.now() - this.since) / 100) / 10;
    const about = trial.wanted === undefined ? { clip: trial.clip, takes: trial.takes, plays } : { wanted: trial.wanted };
    this.seen.votes.push({ ...about, answers, seconds });
    this.keep();
    this.next();
  }

  // --- playing

  toggle() {
    if (this.trouble) return;
    if (this.clock.playing) {
      this.clock.pause();
      return this.state();
    }
    if (this.clock.at >= this.clock.length || this.clock.at === 0) this.plays++;
    this.clock.play();
    this.ticked = performance.now();
    this.ticking ??= requestAnimationFrame((now) => this.tick(now));
    this.state();
  }

  tick(now) {
    this.ticking = null;
    this.clock.time();
    this.stage?.hurry(now - this.ticked);
    this.ticked = now;
    this.draw();
    if (this.clock.playing) this.ticking = requestAnimationFrame((at) => this.tick(at));
  }

  ended() {
    this.whole ||= this.clock.at >= this.clock.length;
    this.stage?.rest();
    this.draw();
    this.state();
  }

  draw() {
    if (!this.takes.length || !this.stage) return;
    const { at, length } = this.clock;
    this.done.style.width = `${length ? (100 * at) / length : 0}%`;
    const wide = 1 / this.takes.length;
    this.stage.draw(
      this.takes.map((take, i) => ({
        values: take.values(take.frameAt(at), this.values[i]),
        from: null,
        box: [i * wide, 0, wide, 1],
      })),
    );
  }

  broken(text) {
    this.trouble = `${text} Please tell the experimenter; nothing was lost.`;
    this.clock.pause();
    this.state();
  }

  // --- after

  finish() {
    this.seen.ended ??= new Date().toISOString();
    this.keep();
    const text = JSON.stringify(this.seen, null, 1);
    const name = `votes-${this.about.id.slice(0, 6)}-${this.participant}.json`;
    const link = element("a.next", { download: name, href: URL.createObjectURL(new Blob([text], { type: "application/json" })) }, "Save your votes");
    this.takes = [];
    this.show(
      element(
        "section.text",
        {},
        element("h1", {}, "Thank you!"),
        element("p", {}, `Save the file ${name} and give it to the experimenter. It holds your code and your answers, and nothing else about you.`),
        this.keepless ? element("p.wrong", {}, "This browser keeps nothing: save the file before you close the page.") : "",
        link,
      ),
    );
    link.focus();
  }

  show(...children) {
    this.root.replaceChildren(...children);
    window.scrollTo(0, 0);
  }

  // --- keys

  key(event) {
    const { key, target } = event;
    if (!this.trial || !this.form || event.ctrlKey || event.metaKey || event.altKey) return;
    const radio = target.closest?.("input[type=radio]"),
      number = Number(key);
    if (key === " " && this.takes.length && !radio) this.toggle();
    else if (key === "Enter" && !target.closest?.("button")) this.vote();
    else if (this.about.kind === "rating" && number >= 1 && number <= this.about.scale.length) this.pick(String(number), radio);
    else if (this.about.kind === "choice" && !radio && /^Arrow(Left|Right)$/.test(key)) this.pick(key.slice(5).toLowerCase());
    else return;
    event.preventDefault();
  }

  /** Answer the question that has the focus, or the first that has no answer. */
  pick(value, radio = null) {
    const at = radio ? this.questions.findIndex((each) => each.contains(radio)) : this.about.questions.findIndex(({ name }) => !(name in this.answers));
    const wanted = this.questions[at]?.querySelector(`input[value="${value}"]`);
    if (!wanted || this.form?.disabled !== false) return;
    wanted.checked = true;
    this.answer(at, this.about.kind === "rating" ? Number(value) : value);
    const following = this.complete ? this.forward : this.play;
    if (!radio) following?.focus();
  }
}

(async () => {
  const root = document.querySelector("main");
  const read = (name) => JSON.parse(document.querySelector(`script[data-${name}]`).textContent);
  const blobs = (name, key) =>
    fromBase64(document.querySelector(`script[data-blob="${name}"]${key ? `[data-key="${key}"]` : ""}`).textContent);
  try {
    const board = read("board");
    window.study = new Study(root, read("study"), await Head.read(blobs("head"), board), board, blobs);
  } catch (error) {
    root.textContent = `This page cannot be shown here: ${error.message}. It needs a browser of 2023 or later.`;
    throw error;
  }
})();
