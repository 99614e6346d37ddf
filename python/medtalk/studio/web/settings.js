// The settings that the user asks for: one frozen object, and its history.

/** The settings of a page that was just opened, by the usual values of all controls. */
function usualSettings(about) {
  const usual = (knobs) => Object.fromEntries(knobs.map(({ name, default: value }) => [name, value]));
  return Object.freeze({
    sound: null, // {id, name}
    streamed: null, // the id of a take that is as it was streamed live, until a setting changes
    weights: Object.freeze({ neutral: 1 }), // of labels, 0 to 1
    heard: false, // the emotion that is heard in the voice, in place of the weights
    text: "",
    picture: null, // {id, name}
    curve: null, // Float32Array, one value a frame of 1/60 s
    timeline: null, // moods over time: [{start, end, emotion, intensity, fade}]
    ...usual(about.knobs),
    finishing: Object.freeze(usual(about.finishing)),
  });
}

/** Settings as the server reads them: the body of `generate` (docs/protocol.md), with files by their id. */
function asked(settings) {
  const { sound, weights, heard, text, picture, curve, ...rest } = settings;
  const labels = Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight > 0));
  const beside = Object.keys(labels).length ? { labels } : {};
  let guidance = { kind: "label", emotion: beside.labels ?? "neutral" };
  if (heard) guidance = { kind: "auto" };
  if (text.trim()) guidance = { kind: "text", text, ...beside };
  if (picture) guidance = { kind: "image", ...beside };
  const drawn = curve && Array.from(curve, (value) => Math.round(value * 1e4) / 1e4);
  return { ...rest, sound: sound.id, picture: picture && picture.id, curve: drawn, guidance };
}

/** How much of the face each part has, as the engine mixes them: labels, and "description" for the rest of 1. */
function shares({ weights, text, picture }) {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  const share = Object.fromEntries(
    Object.entries(weights).map(([label, weight]) => [label, weight / Math.max(1, sum)]),
  );
  const rest = Math.max(0, 1 - sum);
  if (text.trim() || picture) share.description = rest;
  else share.neutral = (share.neutral ?? 0) + rest;
  return share;
}

/** The settings now, those before and those that were undone. */
class History {
  static MOST = 200;

  constructor(now) {
    this.now = now;
    this.before = [];
    this.undone = [];
  }

  /** Other settings; those of one gesture, such as a slider that moves, are one step. */
  change(settings, gesture) {
    if (gesture === null || gesture !== this.gesture) this.before.push(this.now);
    if (this.before.length > History.MOST) this.before.shift();
    this.gesture = gesture;
    this.now = settings;
    this.undone = [];
  }

  /** The gesture is over: the next one is a step of its own. */
  rest() {
    this.gesture = null;
  }

  /** Back to settings that were the ones before, as if those since then had not been asked for. */
  back(to) {
    const at = this.before.lastIndexOf(to);
    if (at >= 0) this.before.length = at;
    else while (this.now !== to && this.redo());
    this.now = to;
    this.rest();
  }

  undo() {
    if (!this.before.length) return false;
    this.undone.push(this.now);
    this.now = this.before.pop();
    this.rest();
    return true;
  }

  redo() {
    if (!this.undone.length) return false;
    this.before.push(this.now);
    this.now = this.undone.pop();
    this.rest();
    return true;
  }
}
