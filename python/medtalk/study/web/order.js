// What a participant sees, in which order and on which side: drawn from the ids of the study and of the participant,
// so that the same id always sees the same, and another one something else.

/** Random numbers in [0, 1) that follow from a text: its FNV-1a hash starts mulberry32. */
function randomOf(text) {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A shuffled copy (Fisher and Yates). */
function shuffled(list, random) {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/**
 * The trials of a participant: {clip, takes} with one take to rate or two to choose from, left one first; among them
 * attention checks, {wanted}.
 */
function trialsOf({ id, kind, clips, each, checks, scale }, participant) {
  const random = randomOf(`${id}/${participant}`);
  const trials = shuffled(clips, random)
    .slice(0, each)
    .flatMap(({ id: clip, takes }) => {
      const pairs = takes.flatMap((one, i) => takes.slice(i + 1).map((other) => [one, other]));
      return (kind === "rating" ? takes.map((take) => [take]) : pairs).map((shown) => ({
        clip,
        takes: shuffled(shown, random),
      }));
    });
  const order = apart(shuffled(trials, random));
  const wanted = kind === "rating" ? scale.map(([value]) => value) : ["left", "right"];
  const spacing = order.length / (checks + 1);
  for (let i = checks; i > 0; i--)
    order.splice(Math.round(i * spacing), 0, { wanted: wanted[Math.floor(random() * wanted.length)] });
  return order;
}

/** The same trials, with no clip twice in a row as far as the next of another clip can be brought forward. */
function apart(trials) {
  const left = [...trials],
    out = [];
  while (left.length) {
    const at = left.findIndex(({ clip }) => clip !== out.at(-1)?.clip);
    out.push(...left.splice(Math.max(0, at), 1));
  }
  return out;
}
