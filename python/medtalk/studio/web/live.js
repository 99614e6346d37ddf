// A live stream: samples to the studio, frames of the face from it (medtalk/studio/live.py has the messages).

const LIVE_ROW = 177; // numbers of a frame: the channels and the turn of the head

/** The face of now, as a take of the player: it has no time but this. */
class LiveTake {
  constructor() {
    Object.assign(this, { name: "Live", fps: LIVE_FPS, frames: 1, seconds: 0, meta: {}, now: new Float32Array(LIVE_ROW) });
    Object.assign(this, { words: [], phones: [], moods: [], marks: [], summary: [], intensity: new Float32Array(1) });
    this.tracks = new Map();
  }

  frameAt() {
    return 0;
  }

  value(channel) {
    return this.now[channel];
  }

  values(_, out) {
    out.set(this.now);
    return out;
  }
}

/**
 * The socket of a stream. `on` has what is called: `frames(first, rows, speaking)` for frames that came, `dropped(seconds)` for all
 * sound that was lost so far, `guided(settings)` and `refused(error, settings)` for a change of the mood, and `gone(error)`
 * when the stream ends by itself.
 */
class LiveStream {
  static BEHIND = 0.25; // seconds of sound that may wait in the browser

  /** A stream that is open, for samples at this rate. */
  static open(settings, rate, tab, on) {
    const address = new URL("live", document.baseURI);
    address.protocol = "ws:";
    return new Promise((resolve, reject) => {
      const stream = new LiveStream(new WebSocket(address), rate, on);
      stream.opened = () => resolve(stream);
      stream.failed = reject;
      stream.socket.onopen = () => stream.say({ open: { ...liveSettings(settings), rate, tab } });
    });
  }

  constructor(socket, rate, on) {
    Object.assign(this, { socket, rate, on, opened: null, failed: null, asked: null, wanted: null });
    Object.assign(this, { lost: 0, here: 0, there: 0 }); // samples that are to be told, seconds lost here and in the studio
    this.ending = null; // what waits for the end
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.hear(data);
    socket.onclose = () => this.fail(gone());
  }

  say(what) {
    this.socket.send(JSON.stringify(what));
  }

  /** Send samples of the microphone. Samples that the studio cannot take are lost, and their number is sent. */
  push(samples) {
    if (this.ending || this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > 4 * LiveStream.BEHIND * this.rate) return void (this.lost += samples.length);
    if (this.lost) {
      this.say({ lost: this.lost / this.rate });
      this.here += this.lost / this.rate;
      this.lost = 0;
      this.on.dropped(this.here + this.there);
    }
    this.socket.send(samples);
  }

  /** Another mood, from the next frame on; of changes that wait for an answer, the newest counts. */
  guide(settings) {
    if (this.ending) return;
    if (this.asked) return void (this.wanted = settings);
    this.asked = settings;
    this.say({ guide: liveSettings(settings) });
  }

  answered() {
    const { asked, wanted } = this;
    this.asked = this.wanted = null;
    if (wanted) this.guide(wanted);
    return asked;
  }

  /** End it; {sound, streamed, seconds} of what the studio keeps. */
  end(name) {
    return new Promise((resolve, reject) => {
      this.ending = { resolve, reject };
      if (this.socket.readyState !== WebSocket.OPEN) return this.fail(new Error("The stream has ended."));
      this.say({ end: { name } });
    });
  }

  hear(data) {
    if (data instanceof ArrayBuffer) {
      const [first, count, speaking] = new Uint32Array(data, 0, 3);
      const rows = Array.from({ length: count }, (_, i) => new Float32Array(data, 12 + 4 * LIVE_ROW * i, LIVE_ROW));
      return this.on.frames(first, rows, speaking === 1);
    }
    const said = JSON.parse(data);
    if (said.opened) this.opened(said.opened);
    else if (said.guided) this.on.guided(this.answered());
    else if (said.refused) this.on.refused(new EngineError(said.refused), this.answered());
    else if ("dropped" in said) this.on.dropped(this.here + (this.there = said.dropped));
    else if (said.error) this.fail(new EngineError(said.error));
    else if (said.ended) {
      this.close();
      this.ending?.resolve(said.ended);
    }
  }

  /** It is over, and not because we ended it. */
  fail(error) {
    this.close();
    if (this.ending) this.ending.reject(error);
    else this.on.gone(error);
    this.failed?.(error);
  }

  close() {
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}

/** What of the settings a stream takes: a curve and moods over time belong to a sound. */
function liveSettings(settings) {
  const { sound, streamed, ...rest } = asked({ ...settings, sound: {}, curve: null, timeline: null });
  return rest;
}
