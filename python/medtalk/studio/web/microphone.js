// The microphone: a recording as a WAV file.

class Microphone {
  /** Start recording; `onLevel(peak, seconds)` is called as sound comes in. */
  static async open(onLevel) {
    const processing = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: processing });
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule("recorder.js");
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      throw error;
    }
    return new Microphone(stream, context, onLevel);
  }

  constructor(stream, context, onLevel) {
    Object.assign(this, { stream, context, blocks: [], count: 0 });
    this.node = new AudioWorkletNode(context, "recorder", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    this.node.port.onmessage = ({ data }) => {
      this.blocks.push(data);
      this.count += data.length;
      onLevel(
        data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0),
        this.count / context.sampleRate,
      );
    };
    context.createMediaStreamSource(stream).connect(this.node);
  }

  /** Of the WAV file so far. */
  get bytes() {
    return 44 + 2 * this.count;
  }

  /** Let go of the microphone; the recording as a Blob of 16-bit WAV. */
  async close() {
    this.stream.getTracks().forEach((track) => track.stop());
    const rate = this.context.sampleRate;
    await this.context.close();
    return wavOf(this.blocks, this.count, rate);
  }
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
