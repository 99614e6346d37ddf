// The bar above the face: the sound, undo, the take that is kept, exports; and what was said last, over the face.

const FILES = {
  ".csv": "174 curves",
  ".npz": "everything, for Python",
  ".json": "everything, for programs",
  ".txt": "columns without a header",
  ".arkit.csv": "ARKit, for Live Link Face",
  ".expressions.csv": "raw curves of MetaHumans",
  ".curves.csv": "curves for Unreal",
  ".a2f.json": "Audio2Face",
  ".glb": "this head, for Blender and Godot",
  ".html": "a page that plays it",
};

/** Its buttons call the studio. */
class Toolbar {
  constructor(studio, about) {
    const act = (text, title, click) => element("button.act", { type: "button", title, click }, text);
    this.file = element("input", {
      type: "file",
      accept: ["audio/*", ...about.sounds].join(","),
      hidden: true,
      name: "sound",
    });
    this.file.addEventListener("change", () => {
      if (this.file.files.length) studio.open(this.file.files[0]);
      this.file.value = "";
    });
    this.sound = element("span.sound");
    this.record = act("Record", "Record from the microphone", () => studio.record());
    this.live = act("Live", "The face follows your microphone while you speak (T)", () => studio.live.toggle());
    this.level = element("span.level", { hidden: true });
    this.message = element("p.message", { role: "status" });
    this.undo = act("Undo", "Undo (Ctrl+Z)", () => studio.undo());
    this.redo = act("Redo", "Redo (Ctrl+Shift+Z)", () => studio.redo());
    this.keep = act("Keep as A", "Keep this take, to hear another beside it (K)", () => studio.keep());
    this.a = element(
      "button.chip",
      { type: "button", title: "The take that was kept (X flips)", click: () => studio.front(0) },
      "A",
    );
    this.b = element(
      "button.chip",
      { type: "button", title: "The take that you change (X flips)", click: () => studio.front(1) },
      "B",
    );
    this.forget = act("×", "Forget A", () => studio.forget());
    this.compared = element("span.compared", { hidden: true }, this.a, this.b, this.forget);
    this.part = element("input", { type: "checkbox", name: "part" });
    this.partRow = element("label.part", { hidden: true }, this.part, "only the part that is marked");
    const entries = about.endings.map((ending) => {
      const click = () => ((this.menu.open = false), studio.export(ending));
      return element(
        "button.entry",
        { type: "button", "data-ending": ending, click },
        element("b", {}, ending),
        element("span.quiet", {}, FILES[ending] ?? ""),
      );
    });
    this.menu = element(
      "details.menu",
      {},
      element("summary.act", {}, "Export"),
      element("div.entries", {}, this.partRow, ...entries),
    );
    document.addEventListener("pointerdown", ({ target }) => this.menu.contains(target) || (this.menu.open = false));
    this.element = element(
      "div.toolbar",
      {},
      element("b.brand", {}, "MEDTalk studio"),
      this.file,
      act("Open…", "Open a sound; you may also drop one anywhere", () => this.file.click()),
      this.record,
      this.live,
      this.level,
      this.sound,
      element("span.gap"),
      this.undo,
      this.redo,
      this.keep,
      this.compared,
      this.menu,
    );
  }

  /** What can be done now. `front` is the take that is seen: 0 is A, 1 is B. */
  show({ sound, undo, redo, kept, front, span, recording, live }) {
    this.sound.textContent = sound ? sound.name : "";
    this.undo.disabled = !undo;
    this.redo.disabled = !redo;
    this.keep.disabled = !sound || live;
    this.keep.textContent = kept ? "Keep B as A" : "Keep as A";
    this.compared.hidden = !kept || live;
    this.a.setAttribute("aria-pressed", String(front === 0));
    this.b.setAttribute("aria-pressed", String(front === 1));
    this.partRow.hidden = !span;
    this.menu.classList.toggle("disabled", !sound || live);
    this.record.textContent = recording ? "Stop" : "Record";
    this.record.classList.toggle("recording", recording);
    this.record.disabled = live;
    this.live.disabled = recording;
    this.level.hidden = !recording;
  }

  /** Whether a stream runs. */
  showLive(runs) {
    this.live.textContent = runs ? "Stop" : "Live";
    this.live.classList.toggle("recording", runs);
  }

  /** One line; `kind` is "" or "error". */
  say(text, kind = "") {
    this.message.textContent = text;
    this.message.className = `message ${kind}`;
  }

  hear(level, seconds) {
    this.level.textContent = clockText(seconds, 1);
    this.level.style.setProperty("--level", Math.min(1, Math.sqrt(level)));
  }
}
