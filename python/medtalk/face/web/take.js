// Blobs as medtalk.face.packed makes them, and what they hold: a take (a rig and what is known of it), a sound.

const ARRAYS = {
  "|u1": Uint8Array,
  "|i1": Int8Array,
  u1: Uint8Array,
  i1: Int8Array,
  "<u2": Uint16Array,
  "<i2": Int16Array,
  "<u4": Uint32Array,
  "<i4": Int32Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
};

/** The header of a blob, its arrays by name in `header.arrays` and their shapes in `header.sizes`. */
async function unpack(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  header.sizes = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    header.sizes[name] = shape;
    const count = shape.reduce((product, each) => product * each, 1);
    header.arrays[name] = new ARRAYS[dtype](buffer, 4 + length + offset, count);
  }
  return header;
}

/** The bytes of base64 text. */
function fromBase64(text) {
  const plain = text.trim();
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(plain);
  const signs = atob(plain);
  const bytes = new Uint8Array(signs.length);
  for (let i = 0; i < signs.length; i++) bytes[i] = signs.charCodeAt(i);
  return bytes;
}

/** A span of a timeline in a few words: its mood, or what leads it, and its intensity unless that is the usual one. */
function spanText({ emotion, text, image, intensity = 1 }) {
  const mixed = emotion && typeof emotion === "object";
  const labels = mixed ? Object.entries(emotion).map((each) => each.join(" ")).join(", ") : emotion;
  const usual = intensity === 1 || typeof intensity !== "number"; // a curve has no number
  return `${labels || text || image}${usual ? "" : ` ×${Math.round(100 * intensity) / 100}`}`;
}

/** A rig and what is known of it. Frame t lies at t / fps seconds. */
class Take {
  static async read(bytes) {
    return new Take(await unpack(bytes));
  }

  constructor(header) {
    const { channels, low, step, bytes, shorts, intensity } = header.arrays;
    this.name = header.name;
    this.fps = header.fps;
    this.frames = header.frames;
    this.seconds = header.frames / header.fps;
    this.meta = header.meta;
    this.words = header.words.map(Take.timed);
    this.phones = header.phones.map(Take.timed);
    this.moods = (header.meta.timeline ?? []).map((span) => {
      return { text: spanText(span), start: span.start, end: span.end ?? this.seconds };
    });
    this.marks = header.marks.map(([start, end, kind, text]) => ({ start, end, kind, text }));
    this.summary = header.summary.map(([label, text, level]) => ({ label, text, level }));
    this.intensity = Float32Array.from(intensity, (count) => count * header.strength);
    // channel -> {counts, low, step}; a channel that stays at 0 is not there
    this.tracks = new Map();
    const narrow = bytes.length / this.frames;
    channels.forEach((channel, row) => {
      const [all, at] = row < narrow ? [bytes, row] : [shorts, row - narrow];
      const counts = all.subarray(at * this.frames, (at + 1) * this.frames);
      let most = counts[0];
      for (let t = 1; t < counts.length; t++) {
        counts[t] += counts[t - 1]; // wraps as its type does
        if (counts[t] > most) most = counts[t];
      }
      this.tracks.set(channel, { counts, low: low[row], step: step[row], high: low[row] + step[row] * most });
    });
  }

  /** Whether a track goes so far that somebody could see it. */
  static moves(track) {
    return track !== undefined && Math.max(-track.low, track.high) > 0.005;
  }

  static timed([text, start, end]) {
    return { text, start, end };
  }

  /** The frame that is seen at a time. */
  frameAt(time) {
    // a time that was made as t / fps must not fall into the frame before
    return Math.max(0, Math.min(this.frames - 1, Math.floor(time * this.fps + 1e-3)));
  }

  value(channel, frame) {
    const track = this.tracks.get(channel);
    return track ? track.low + track.step * track.counts[frame] : 0;
  }

  /** All channels of a frame, into `out`. */
  values(frame, out) {
    out.fill(0);
    for (const [channel, { counts, low, step }] of this.tracks) out[channel] = low + step * counts[frame];
    return out;
  }
}

/** A sound that the browser plays, and its waveform. */
class Sound {
  static async read(bytes) {
    return new Sound(await unpack(bytes));
  }

  constructor(header) {
    this.name = header.name;
    this.seconds = header.seconds;
    this.low = header.arrays.low;
    this.high = header.arrays.high;
    this.url = URL.createObjectURL(new Blob([header.arrays.file], { type: header.type }));
  }

  /** Lets go of its memory. */
  close() {
    URL.revokeObjectURL(this.url);
  }
}
