// What is known of each take, in the panel beside the face: its name, its settings, its summary, and where to look.

const MOST_MARKS = 60;

/** The card of a take; number is its key. */
function takeCard(player, take, i) {
  const { mark, rows } = { mark: player.colors.take(i), rows: settingsOf(take) };
  const dot = element("i.dot");
  dot.style.background = mark;
  const several = player.takes.length > 1;
  const title = element(
    "button.title",
    { type: "button", click: () => player.select(i), "aria-pressed": String(several && i === player.selected) },
    dot,
    element("span", { title: take.name }, take.name),
    ...(several ? [element("kbd", {}, String(i + 1))] : []),
  );
  const parts = [title];
  if (take.summary.length) parts.push(facts(take.summary.map(({ label, text, level }) => [label, text, level])));
  if (take.marks.length) parts.push(markList(player, take, i));
  parts.push(facts(rows));
  return element(several && i === player.selected ? "article.card.chosen" : "article.card", {}, ...parts);
}

function facts(rows) {
  return element(
    "dl",
    {},
    ...rows.flatMap(([label, text, level]) => [
      element("dt", {}, label),
      element(level ? `dd.${level === "good" ? "good" : "look"}` : "dd", {}, text),
    ]),
  );
}

function markList(player, take, i) {
  const shown = take.marks.slice(0, MOST_MARKS);
  const rows = shown.map((mark) => {
    const go = () => {
      player.select(i);
      player.seek(mark.start);
      player.reveal(mark.start);
    };
    return element(
      "li",
      {},
      element(
        "button.mark",
        { type: "button", click: go },
        element("time", {}, clockText(mark.start, 2)),
        element("span", {}, mark.text),
      ),
    );
  });
  const left = take.marks.length - shown.length;
  const more = left ? [element("p.more", {}, `and ${left} more, marked under the phones`)] : [];
  return element(
    "details.marks",
    { open: take.marks.length < 8 },
    element("summary", {}, `${take.marks.length} ${take.marks.length === 1 ? "place" : "places"} to look at`),
    element("ol", {}, ...rows),
    ...more,
  );
}

/** The settings of a take as rows of label and text. What nobody reads, such as checksums, stays in the file. */
function settingsOf(take) {
  const { emotion, source, bundle, finishing, transcript, medtalk, ...more } = take.meta;
  const rows = [];
  const add = (label, value) => {
    const text = plain(value);
    if (text) rows.push([label, text]);
  };
  add("emotion", emotion);
  for (const [name, value] of Object.entries(more)) add(name.replaceAll("_", " "), value);
  add("words", transcript);
  add("finishing", finishing);
  add("sound", source?.name ?? source);
  add("model", bundle?.name ?? bundle);
  add("made by", medtalk === undefined ? "" : `medtalk ${plain(medtalk)}`);
  const frames = `${take.frames} ${take.frames === 1 ? "frame" : "frames"}`;
  rows.push(["length", `${take.seconds.toFixed(2)} s, ${frames} at ${+take.fps.toFixed(3)} fps`]);
  return rows;
}

/** Anything that JSON holds in a few words. */
function plain(value) {
  if (value === null || value === undefined || value === false || value === "") return "";
  if (typeof value === "number") return String(+value.toPrecision(4));
  if (Array.isArray(value))
    return value.length > 12 ? `${value.length} values` : value.map(plain).filter(Boolean).join(", ");
  if (typeof value !== "object") return String(value).slice(0, 400);
  const parts = Object.entries(value).filter(([name]) => name !== "sha256");
  return parts
    .map(([name, each]) => (each === true ? name : plain(each) && `${name} ${plain(each)}`))
    .filter(Boolean)
    .join(", ")
    .slice(0, 400);
}
