// The elements of a player, its buttons and its keys.

const ICONS = {
  play: "M5 3v14l12-7z",
  pause: "M5 3h4v14H5zM11 3h4v14h-4z",
  back: "M14 4v12l-8-6zM4 4h2v12H4z",
  next: "M6 4v12l8-6zM14 4h2v12h-2z",
  loop: "M4 9a5 5 0 0 1 5-5h3V2l4 3-4 3V6H9a3 3 0 0 0-3 3zM16 11a5 5 0 0 1-5 5H8v2l-4-3 4-3v2h3a3 3 0 0 0 3-3z",
  view: "M10 3a7 7 0 1 0 7 7h-2a5 5 0 1 1-5-5v3l5-4-5-4z",
};
const KEYS = [
  ["space", "play, pause"],
  ["← →", "a frame back, on"],
  ["shift ← →", "a second back, on"],
  ["home end", "to the start, the end"],
  ["L", "loop: the part that is seen, or no loop"],
  ["[ ]", "the loop starts, ends here"],
  ["− +", "slower, faster"],
  ["1 to 9", "bring a take to the front"],
  ["V", "side by side, one, difference"],
  ["C", "hide or show the curves"],
  ["I", "hide or show the panel"],
  ["F", "see all of the time"],
  ["R", "turn the face back"],
  ["?", "these keys"],
];
const MOUSE = [
  ["drag the face", "turn it; with shift, move it"],
  ["wheel on the face", "nearer, farther; a double click turns back"],
  ["drag the waveform", "loop a part"],
  ["click a word, a phone", "hear it alone"],
  ["wheel on the time", "more or less of it; with shift, earlier or later"],
];

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"),
    path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function button(label, click, ...children) {
  return element("button.button", { type: "button", title: label, "aria-label": label, click }, ...children);
}

/** Fill `root` with the elements of the player, and remember them as its parts. */
function buildPlayer(player, root) {
  const parts = (player.parts = {});
  parts.canvas = element("canvas.head", { "aria-label": "The head" });
  parts.blank = element("p.blank", { hidden: true });
  parts.labels = element("div.labels");
  parts.legend = element("div.legend", { hidden: true }, element("i"), element("span"));
  parts.note = element("p.note", { hidden: true, role: "status" });
  parts.face = element("section.face", {}, parts.canvas, parts.blank, parts.labels, parts.legend, parts.note);
  parts.done = element("i.done");
  parts.loop = element("i.looped");
  parts.scrub = element(
    "div.scrub",
    { role: "slider", "aria-label": "Time" },
    element("i.track"),
    parts.loop,
    parts.done,
  );
  const scrub = (event) => {
    const box = parts.scrub.getBoundingClientRect();
    player.seek(((event.clientX - box.left) / box.width) * player.duration);
    player.reveal(player.time);
  };
  parts.scrub.addEventListener("pointerdown", (event) => {
    parts.scrub.setPointerCapture(event.pointerId);
    parts.scrub.onpointermove = scrub;
    scrub(event);
  });
  for (const name of ["pointerup", "pointercancel"])
    parts.scrub.addEventListener(name, () => (parts.scrub.onpointermove = null));

  parts.play = button("Play (space)", () => player.toggle(), icon("play"));
  parts.play.classList.add("main");
  parts.looping = button("Loop (L)", () => toggleLoop(player), icon("loop"));
  parts.now = element("output.now", {}, "0:00.000");
  parts.length = element("span.length");
  parts.speed = element(
    "select",
    { title: "Speed (− +)", "aria-label": "Speed", change: () => player.setSpeed(Number(parts.speed.value)) },
    ...SPEEDS.map((speed) => element("option", { value: String(speed), selected: speed === 1 }, `${speed}×`)),
  );
  parts.modes = element(
    "div.modes",
    { role: "group", "aria-label": "Compare (V)" },
    ...Object.entries(MODES).map(([mode, label]) =>
      element("button.mode", { type: "button", "data-mode": mode, click: () => player.setMode(mode) }, label),
    ),
  );
  parts.bar = element(
    "div.bar",
    {},
    button("A frame back (←)", () => player.step(-1), icon("back")),
    parts.play,
    button("A frame on (→)", () => player.step(1), icon("next")),
    element("div.times", {}, parts.now, parts.length),
    parts.looping,
    parts.speed,
    parts.modes,
    element("span.gap"),
    button("Turn the face back (R)", () => player.resetView?.(), icon("view")),
    button("Curves (C)", () => root.classList.toggle("bare"), "curves"),
    button("Panel (I)", () => togglePanel(root), "takes"),
    button("Keys (?)", () => toggleHelp(player), "?"),
  );
  parts.head = element("div.playhead");
  parts.hover = element("div.hoverline", { hidden: true }, element("span"));
  parts.cards = element("div.cards");
  parts.side = element("aside.side", {}, parts.cards);
  const lists = [KEYS, MOUSE].map((rows) =>
    element("dl", {}, ...rows.flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)])),
  );
  parts.help = element(
    "div.help",
    { hidden: true, click: () => toggleHelp(player) },
    element("div", {}, element("h2", {}, "Keys and mouse"), ...lists),
  );
  const over = element("div.over", {}, parts.head, parts.hover);
  root.replaceChildren(
    element("div.controls", {}, parts.scrub, parts.bar),
    element("section.time", {}, player.timeline.element, player.curves.element, over),
    parts.side,
    parts.help,
  );
  root.prepend(parts.face);
}

/** The names of the takes over their faces. */
function placeLabels(player) {
  const { takes, parts, mode, colors } = player;
  parts.labels.replaceChildren(
    ...player.faces().map(({ i, from, box }) => {
      const dot = element("i.dot");
      dot.style.background = colors.take(i);
      const text = from === null ? takes[i].name : `${takes[i].name} against ${takes[from].name}`;
      const label = element(
        mode === "side" && takes.length > 1 && i === player.selected ? "span.label.chosen" : "span.label",
        {},
        dot,
        text,
      );
      [label.style.left, label.style.top, label.style.maxWidth] = [
        `${box[0] * 100}%`,
        `${box[1] * 100}%`,
        `${box[2] * 100}%`,
      ];
      return label;
    }),
  );
}

/** The state of the buttons. */
function showControls(player) {
  const { parts, span, duration, takes } = player;
  parts.play.replaceChildren(icon(player.playing ? "pause" : "play"));
  parts.play.title = player.playing ? "Pause (space)" : "Play (space)";
  parts.looping.setAttribute("aria-pressed", String(span !== null));
  parts.loop.hidden = span === null;
  if (span)
    [parts.loop.style.left, parts.loop.style.width] = [
      `${(span[0] / duration) * 100}%`,
      `${((span[1] - span[0]) / duration) * 100}%`,
    ];
  parts.speed.value = String(player.clock.speed);
  parts.modes.hidden = takes.length < 2;
  for (const each of parts.modes.children) each.setAttribute("aria-pressed", String(each.dataset.mode === player.mode));
  parts.length.textContent = `/ ${clockText(duration, 1)}`;
  parts.legend.hidden = player.mode !== "difference" || !player.stage;
}

/** What moves with the time: numbers, the scrub bar, the line over the curves. */
function showTime(player, frame) {
  const { parts, time, duration } = player,
    { span } = player.timeline;
  parts.now.textContent = `${clockText(time)}`;
  parts.now.title = `frame ${frame}`;
  parts.scrub.setAttribute("aria-valuetext", `${clockText(time)}, frame ${frame}`);
  parts.done.style.width = `${duration ? (time / duration) * 100 : 0}%`;
  parts.head.style.transform = `translateX(${GUTTER + span.x(time)}px)`;
  parts.head.hidden = time < span.from || time > span.to;
  if (!parts.legend.hidden)
    parts.legend.lastChild.textContent = `0 to ${HOT} mm · ${(player.largest ?? 0).toFixed(1)} mm at most here`;
}

function showHover(player) {
  const { parts, hovered } = player;
  parts.hover.hidden = hovered === null;
  if (hovered === null) return;
  parts.hover.style.transform = `translateX(${GUTTER + player.timeline.span.x(hovered)}px)`;
  parts.hover.firstChild.textContent = clockText(Math.max(0, hovered));
}

/** Loop the part of the time that is seen, or stop looping. */
function toggleLoop(player) {
  const { from, to } = player.timeline.span;
  if (player.span) player.setSpan(null);
  else player.setSpan(from, to);
}

function togglePanel(root) {
  const seen = getComputedStyle(root.querySelector(".side")).display !== "none";
  root.classList.toggle("sideless", seen);
  root.classList.toggle("sided", !seen);
}

function toggleHelp({ parts }) {
  parts.help.hidden = !parts.help.hidden;
}

function listenToKeys(player, document) {
  const root = player.parts.face.parentElement;
  const faster = (by) =>
    player.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(player.clock.speed) + by))]);
  const modes = Object.keys(MODES);
  const keys = {
    " ": () => player.toggle(),
    ArrowLeft: (shift) => (shift ? player.seek(player.time - 1) : player.step(-1)),
    ArrowRight: (shift) => (shift ? player.seek(player.time + 1) : player.step(1)),
    Home: () => player.seek(0),
    End: () => player.seek(player.duration),
    l: () => toggleLoop(player),
    "[": () =>
      player.setSpan(player.time, player.span && player.span[1] > player.time ? player.span[1] : player.duration),
    "]": () => player.setSpan(player.span && player.span[0] < player.time ? player.span[0] : 0, player.time),
    "-": () => faster(-1),
    "+": () => faster(1),
    "=": () => faster(1),
    v: () => player.setMode(modes[(modes.indexOf(player.mode) + 1) % modes.length]),
    c: () => root.classList.toggle("bare"),
    i: () => togglePanel(root),
    f: () => (player.timeline.span.show(0, player.duration), player.redraw()),
    r: () => player.resetView?.(),
    "?": () => toggleHelp(player),
    Escape: () => (player.parts.help.hidden = true),
  };
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (
      !player.shortcuts ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      target.closest?.("input, textarea, select, [contenteditable]")
    )
      return;
    const act =
      keys[key.length === 1 ? key.toLowerCase() : key] ??
      (/^[1-9]$/.test(key) ? () => player.select(Number(key) - 1) : null);
    if (!act) return;
    event.preventDefault();
    act(event.shiftKey);
  });
}
