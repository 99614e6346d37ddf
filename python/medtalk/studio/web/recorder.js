// An audio worklet: hands the samples of the microphone to the page, in blocks, and when each was there.

class Recorder extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.size = processorOptions.block;
    this.block = new Float32Array(this.size);
    this.filled = 0;
    this.begun = false;
  }

  process([input]) {
    this.begun ||= input.length > 0;
    if (!this.begun) return true;
    // while the microphone is exchanged there is none: silence, so that the time of the samples goes on
    const samples = input[0] ?? new Float32Array(128);
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + this.size - this.filled);
      this.block.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled < this.size) continue;
      this.port.postMessage({ samples: this.block.slice(), at: Date.now() });
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
