// The microphone: its samples as they come, and a recording of them as a WAV file.

const BLOCK = 0.01; // seconds of sound that come at a time
const QUANTUM = 128; // samples that an audio worklet gets at a time

/** What keeps somebody from speaking here, in a line. */
function microphoneError(error) {
  const why = {
    NotFoundError: "There is no microphone.",
    OverconstrainedError: "This microphone is no longer there. Choose another.",
    NotReadableError: "The microphone cannot be opened; another program may hold it.",
    NotAllowedError: "The browser does not allow the microphone. Allow it in the address bar.",
  };
  return why[error.name] ?? `The microphone cannot be opened: ${error.message || error.name}.`;
}

/** Whoever hears the samples of a microphone. It may be exchanged while they come. */
class Capture {
  /** `onBlock(samples, age)` gets each block, and how many seconds ago it was there; `onEnd()` is called when the device is gone. */
  static async open(onBlock, onEnd = () => {}, device = "") {
    if (!navigator.mediaDevices) throw new Error("this browser gives it to no page");
    const stream = await Capture.stream(device);
    const context = new AudioContext();
    const capture = new Capture(context, onEnd);
    try {
      await context.audioWorklet.addModule("recorder.js");
      await context.resume();
    } catch {
      stream.getTracks().forEach((track) => track.stop());
      context.close();
      throw gone(); // the one thing that comes from the studio
    }
    capture.begin(stream, onBlock);
    return capture;
  }

  static stream(device) {
    const processing = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    const audio = device ? { ...processing, deviceId: { exact: device } } : processing;
    return navigator.mediaDevices.getUserMedia({ audio });
  }

  /** The microphones that one may choose of, {deviceId, label}; they have names once one was allowed. */
  static async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "default");
  }

  constructor(context, onEnd) {
    Object.assign(this, { context, onEnd, rate: context.sampleRate, stream: null, source: null });
  }

  begin(stream, onBlock) {
    const block = QUANTUM * Math.ceil((BLOCK * this.rate) / QUANTUM);
    this.node = new AudioWorkletNode(this.context, "recorder", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { block },
    });
    this.node.port.onmessage = ({ data: { samples, at } }) => {
      const age = (Date.now() - at) / 1000;
      onBlock(samples, age > 0 && age < 0.5 ? age : 0); // this clock may be set meanwhile
    };
    this.connect(stream);
  }

  connect(stream) {
    this.release();
    this.stream = stream;
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.node);
    const [track] = stream.getTracks();
    track.addEventListener("ended", () => this.stream === stream && this.onEnd());
  }

  /** Hear another microphone; the samples go on. */
  async exchange(device) {
    this.connect(await Capture.stream(device));
  }

  /** The id of the microphone that is heard. */
  get device() {
    return this.stream?.getTracks()[0].getSettings().deviceId ?? "";
  }

  release() {
    this.source?.disconnect();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.source = null;
  }

  /** Let go of the microphone. */
  async close() {
    this.release();
    if (this.context.state !== "closed") await this.context.close();
  }
}

class Microphone {
  /** Start recording; `onLevel(peak, seconds)` is called as sound comes in. */
  static async open(onLevel) {
    const microphone = new Microphone(onLevel);
    microphone.capture = await Capture.open((samples) => microphone.hear(samples));
    return microphone;
  }

  constructor(onLevel) {
    Object.assign(this, { onLevel, blocks: [], count: 0 });
  }

  hear(samples) {
    this.blocks.push(samples);
    this.count += samples.length;
    if (this.capture) this.onLevel(peakOf(samples), this.count / this.capture.rate);
  }

  /** Of the WAV file so far. */
  get bytes() {
    return 44 + 2 * this.count;
  }

  /** Let go of the microphone; the recording as a Blob of 16-bit WAV. */
  async close() {
    await this.capture.close();
    return wavOf(this.blocks, this.count, this.capture.rate);
  }
}

/** The largest of some samples, without their signs. */
function peakOf(samples) {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

function wavOf(blocks, count, rate) {
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); // PCM
  head.setUint16(22, 1, true); // mono
  head.setUint32(24, rate, true);
  head.setUint32(28, 2 * rate, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, 2 * count, true);
  const samples = blocks.map((block) =>
    Int16Array.from(block, (x) => Math.round(Math.max(-1, Math.min(1, x)) * 32767)),
  );
  return new Blob([head, ...samples], { type: "audio/wav" });
}
