// The controls beside the face: all that a take may be asked for, as a form.

const TITLES = { fps: "frame rate", curve_mode: "curve", closures: "keep closures", limits: "keep to limits" };

/**
 * `onChange(patch, gesture)` gets the fields of the settings that change; a gesture that goes on, as of a slider that is
 * held, keeps its name, and null is a step of its own. `onRest()` ends it.
 */
class Form {
  constructor(about, onChange, onRest, onPicture) {
    Object.assign(this, { about, onChange, onRest, onPicture, settings: null, shown: [] });
    const sections = [this.emotion(), this.intensity(), this.words(), this.face(), this.finishing()];
    this.element = element("div.settings", {}, ...sections);
  }

  /** Put a section of others behind that of the intensity. */
  addSection(section) {
    this.element.children[1].after(section);
  }

  /** Show these settings; a field in which the user writes is left alone. */
  show(settings) {
    this.settings = settings;
    for (const show of this.shown) show(settings);
  }

  section(title, open, ...children) {
    return element("details.section", { open }, element("summary", {}, title), ...children);
  }

  // --- the emotion

  emotion() {
    const { labels, guidance } = this.about;
    const rows = labels.map((label) => this.label(label));
    const listen = () => this.onChange({ heard: !this.settings.heard }, null);
    const name = element(
      "button.name",
      { type: "button", title: "The emotion that is heard in the voice", click: listen },
      "as heard",
    );
    // hidden until it is known that it can be heard
    const heard = element("div.row", { hidden: true }, name, element("span.quiet", {}, "in the voice"), element("output"));
    this.heard = heard;
    this.shown.push((settings) => {
      heard.classList.toggle("none", !settings.heard);
      heard.lastChild.textContent = settings.heard ? percent(1) : "";
    });
    return this.section(
      "Emotion",
      true,
      element("div.moods", {}, ...rows, heard),
      ...(guidance.includes("text") ? [this.description()] : []),
      ...(guidance.includes("image") ? [this.picture()] : []),
    );
  }

  label(label) {
    const slider = element("input", { type: "range", min: 0, max: 100, "aria-label": label, name: label });
    const share = element("output");
    const only = () => this.onChange({ weights: { [label]: 1 }, heard: false, text: "", picture: null }, null);
    const name = element("button.name", { type: "button", title: `Only ${label}`, click: only }, label);
    slider.addEventListener("input", () => {
      const weights = { ...this.settings.weights, [label]: slider.valueAsNumber / 100 };
      // beside a description labels have to leave something of 1: those that are not held make room
      const room = 0.99 - weights[label];
      const others = Object.keys(weights).filter((other) => other !== label);
      const taken = others.reduce((sum, other) => sum + weights[other], 0);
      if (this.described && taken > room) for (const other of others) weights[other] *= Math.max(0, room) / taken;
      if (this.described) weights[label] = Math.min(0.99, weights[label]);
      this.onChange({ weights, heard: false }, `weight of ${label}`);
    });
    slider.addEventListener("change", () => this.onRest());
    const row = element("div.row", {}, name, slider, share);
    this.shown.push((settings) => {
      slider.value = Math.round(100 * (settings.weights[label] ?? 0));
      const part = settings.heard ? 0 : (shares(settings)[label] ?? 0);
      share.textContent = part ? percent(part) : "";
      row.classList.toggle("none", !part);
    });
    return row;
  }

  get described() {
    return this.settings.text.trim() !== "" || this.settings.picture !== null;
  }

  /** The patch by which a description or picture comes in: labels that leave it nothing go. */
  making(patch) {
    const taken = Object.values(this.settings.weights).reduce((sum, weight) => sum + weight, 0);
    const leaves = this.described || taken < 1;
    return { heard: false, ...(leaves ? {} : { weights: {} }), ...patch };
  }

  description() {
    const field = element("textarea", {
      rows: 2,
      maxlength: this.about.limits.text,
      placeholder: "or in words: slightly annoyed, hides it",
      name: "text",
      "aria-label": "description",
    });
    const share = element("output");
    field.addEventListener("blur", () => (field.value = this.settings.text)); // what was refused goes
    this.writes(field, (text) =>
      this.onChange(text.trim() ? this.making({ text, picture: null }) : this.without({ text }), "text"),
    );
    this.shown.push((settings) => {
      if (document.activeElement !== field || settings.picture) field.value = settings.text;
      const part = settings.text.trim() ? shares(settings).description : 0;
      share.textContent = part ? percent(part) : "";
    });
    return element("div.written", {}, field, share);
  }

  /** The patch by which a description or picture goes; without labels the face would be neutral anyway. */
  without(patch) {
    const none = Object.values(this.settings.weights).every((weight) => weight === 0);
    return { ...patch, ...(none ? { weights: { neutral: 1 } } : {}) };
  }

  picture() {
    const file = element("input", { type: "file", accept: "image/png,image/jpeg,image/webp", hidden: true });
    const name = element("span.quiet");
    const choose = element("button.act", { type: "button", click: () => file.click() }, "Picture…");
    const clear = element(
      "button.act",
      { type: "button", title: "No picture", click: () => this.onChange(this.without({ picture: null }), null) },
      "×",
    );
    file.addEventListener("change", () => {
      if (file.files.length) this.onPicture(file.files[0]);
      file.value = "";
    });
    this.shown.push(({ picture }) => {
      name.textContent = picture ? picture.name : "or a picture of a face";
      clear.hidden = !picture;
    });
    return element("div.row.wide", {}, file, choose, name, clear);
  }

  // --- the settings that are declared

  intensity() {
    const reset = element(
      "button.act",
      { type: "button", click: () => this.onChange({ curve: null }, null) },
      "Curve as heard",
    );
    const hint = element("span.quiet", {}, "draw the curve under the sound");
    this.shown.push(({ curve }) => ([reset.hidden, hint.hidden] = [!curve, Boolean(curve)]));
    return this.section(
      "Intensity",
      true,
      ...this.controls(this.about.knobs, ["intensity", "curve_mode"]),
      element("div.row.wide", {}, hint, reset),
    );
  }

  words() {
    return this.section("Words", false, ...this.controls(this.about.knobs, ["transcript", "language"]));
  }

  face() {
    const rest = this.about.knobs
      .map(({ name }) => name)
      .filter((name) => !["intensity", "curve_mode", "transcript", "language"].includes(name));
    return this.section("Face", true, ...this.controls(this.about.knobs, rest));
  }

  finishing() {
    const within = (patch, gesture) => this.onChange({ finishing: { ...this.settings.finishing, ...patch } }, gesture);
    const names = this.about.finishing.map(({ name }) => name);
    return this.section(
      "Finishing",
      false,
      ...this.controls(this.about.finishing, names, within, (settings) => settings.finishing),
    );
  }

  /** The controls of the knobs with these names; `change` takes a patch, `held` finds their values in the settings. */
  controls(knobs, names, change = this.onChange, held = (settings) => settings) {
    return knobs
      .filter(({ name }) => names.includes(name))
      .map((knob) => {
        const title = TITLES[knob.name] ?? knob.name;
        const { control, show } = this[knob.kind](knob, (value, gesture) => change({ [knob.name]: value }, gesture));
        this.shown.push((settings) => show(held(settings)[knob.name]));
        const wide = ["text", "map"].includes(knob.kind);
        return element(
          `label.row${wide ? ".tall" : ""}`,
          { title: knob.help, "data-knob": knob.name },
          element("span", {}, title),
          control,
        );
      });
  }

  switch(knob, change) {
    const control = element("input", {
      type: "checkbox",
      name: knob.name,
      change: () => change(control.checked, null),
    });
    return { control, show: (value) => (control.checked = value) };
  }

  choice(knob, change) {
    const chip = (choice) =>
      element("button.chip", { type: "button", value: choice, click: () => change(choice, null) }, choice);
    const chips = knob.choices.map(chip);
    return {
      control: element("div.chips", {}, ...chips),
      show: (value) => chips.forEach((each) => each.setAttribute("aria-pressed", String(each.value === value))),
    };
  }

  number(knob, change) {
    const [low, high] = knob.limits ?? [null, null];
    const field = element("input.number", {
      type: "number",
      step: "any",
      name: knob.name,
      min: low ?? false,
      max: high ?? false,
    });
    this.commits(field, () => change(field.valueAsNumber, null));
    const shown = (value) => String(Math.round(value * 1000) / 1000);
    if (low === null || high > 20) return { control: field, show: (value) => (field.value = shown(value)) };
    const slider = element("input", {
      type: "range",
      min: low,
      max: high,
      step: (high - low) / 200,
      "aria-label": knob.name,
    });
    slider.addEventListener("input", () => change(slider.valueAsNumber, knob.name));
    slider.addEventListener("change", () => this.onRest());
    slider.addEventListener("dblclick", () => change(knob.default, null));
    return {
      control: element("span.both", {}, slider, field),
      show: (value) => ([slider.value, field.value] = [value, shown(value)]),
    };
  }

  whole(knob, change) {
    const field = element("input.number", { type: "number", step: 1, min: knob.limits?.[0] ?? false, name: knob.name });
    this.commits(field, () => change(field.valueAsNumber, null));
    const other = element(
      "button.act",
      { type: "button", title: "Another one", click: () => change(field.valueAsNumber + 1, null) },
      "+1",
    );
    return { control: element("span.both", {}, field, other), show: (value) => (field.value = value) };
  }

  /** A text; an empty one is left out where that is another change than "". */
  text(knob, change) {
    const long = knob.name === "transcript";
    const field = element(long ? "textarea" : "input", {
      name: knob.name,
      spellcheck: "false",
      placeholder: long ? "what is said" : "as detected",
    });
    this.writes(field, (text) => change(text.trim() || !knob.optional ? text.trim() : null, knob.name));
    return { control: field, show: (value) => document.activeElement !== field && (field.value = value ?? "") };
  }

  map(knob, change) {
    const fields = Object.entries(knob.parts).map(([part, usual]) => {
      const field = element("input.number", {
        type: "number",
        step: knob.limits ? 0.1 : 2,
        min: knob.limits?.[0] ?? 1,
        max: knob.limits?.[1] ?? false,
        placeholder: usual,
        name: `${knob.name}.${part}`,
      });
      return [part, field];
    });
    const given = () =>
      Object.fromEntries(
        fields.filter(([, field]) => field.value !== "").map(([part, field]) => [part, field.valueAsNumber]),
      );
    for (const [, field] of fields) field.addEventListener("change", () => change(given(), null));
    const parts = fields.map(([part, field]) => element("span.part", {}, element("span.quiet", {}, part), field));
    return {
      control: element("div.parts", {}, ...parts),
      show: (value) => fields.forEach(([part, field]) => (field.value = value[part] ?? "")),
    };
  }

  /** A number counts when it is entered, not while it is typed. */
  commits(field, then) {
    field.addEventListener("change", () => (Number.isNaN(field.valueAsNumber) ? this.show(this.settings) : then()));
  }

  /** A text counts when its writer rests for a moment, or goes on elsewhere. */
  writes(field, then) {
    let waiting = 0;
    const now = () => {
      clearTimeout(waiting);
      waiting = 0;
      then(field.value);
    };
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(now, 350);
    });
    field.addEventListener("change", () => {
      if (waiting) now();
      this.onRest();
    });
  }
}

function percent(part) {
  return `${Math.round(100 * part)} %`;
}
