// The time of what is played. With a sound the sound is the clock, without one the machine's own clock runs.

/**
 * Browsers move `currentTime` of a sound in steps, some of a few milliseconds and some of 40. Between two of its steps
 * the machine's clock goes on, and each new step is believed again, so nothing can add up: after an hour the face is as
 * near to the sound as after a second. A step back of less than a fifth of a second is the difference between the two
 * clocks; the time then waits for the sound instead of going back.
 *
 * `<audio>` plays, not Web Audio, because it keeps the pitch at any speed and decodes as it plays: an hour of sound
 * would take over a gigabyte of samples.
 */
class Clock {
  static AHEAD = 0.25; // seconds that the machine's clock may run alone, before the sound has to have moved
  static BACK = 0.2;

  constructor() {
    this.audio = null;
    this.soundSeconds = 0;
    this.playing = false;
    this.waiting = false; // for the sound to begin
    this.speed = 1;
    this.length = 0; // seconds, of all that is to be played
    this.onend = () => {};
    this.onerror = () => {};
    this.at = 0; // seconds, the time that was given out last
    this.seen = 0; // the sound's own time as it was last seen to change
    this.since = 0; // the machine's time then, in milliseconds
    this.alone = null; // while no sound tells the time: where and when that began
  }

  /** Play by this sound from now on, or by none (null). */
  setSound(sound) {
    const { playing } = this;
    this.time();
    this.pause();
    if (this.audio) {
      this.audio.removeAttribute("src");
      this.audio.load();
    }
    this.audio = sound ? new Audio(sound.url) : null;
    if (this.audio) {
      this.audio.preload = "auto";
      this.audio.preservesPitch = true;
    }
    this.soundSeconds = sound ? sound.seconds : 0;
    this.seek(this.at);
    if (playing) this.play();
  }

  /** Whether the sound tells the time now: it has not ended, and the browser plays it. */
  get sounding() {
    return this.audio !== null && !this.audio.ended && !this.audio.paused;
  }

  time() {
    if (!this.playing || this.waiting) return this.at;
    const now = performance.now();
    if (this.sounding) {
      const told = this.audio.currentTime;
      if (told !== this.seen || this.audio.seeking) [this.seen, this.since] = [told, now];
      const passed = Math.min(((now - this.since) / 1000) * this.speed, Clock.AHEAD);
      if (told + passed > this.at || this.at - told > Clock.BACK) this.at = told + passed;
      this.alone = null;
    } else {
      // no sound, or it has ended before the face has
      this.alone ??= { from: this.at, since: now };
      this.at = this.alone.from + ((now - this.alone.since) / 1000) * this.speed;
    }
    if (this.at >= this.length) {
      this.at = this.length;
      this.pause();
      this.onend();
    }
    return this.at;
  }

  seek(time) {
    this.at = Math.max(0, Math.min(this.length, time));
    this.alone = null;
    if (!this.audio) return;
    this.audio.currentTime = Math.min(this.at, this.soundSeconds);
    if (this.playing) this.start();
  }

  play() {
    if (this.playing) return;
    if (this.at >= this.length) this.seek(0);
    this.playing = true;
    this.start();
  }

  /** Start the sound at the time, if there is any left; the face waits until it has begun. */
  start() {
    [this.alone, this.waiting] = [null, false];
    const { audio } = this;
    if (!audio || this.at >= this.soundSeconds) return;
    audio.playbackRate = this.speed;
    this.waiting = audio.paused;
    const begun = () => {
      if (audio === this.audio) [this.waiting, this.seen, this.since] = [false, audio.currentTime, performance.now()];
    };
    audio.play().then(begun, (error) => {
      begun(); // a sound that the browser cannot play: the face moves in silence
      if (error.name !== "AbortError") this.onerror(error);
    });
  }

  pause() {
    if (!this.playing) return;
    this.playing = this.waiting = false;
    if (this.audio) this.audio.pause();
  }

  setSpeed(speed) {
    this.time();
    this.speed = speed;
    this.alone = null;
    if (this.audio) [this.audio.playbackRate, this.seen, this.since] = [speed, this.audio.currentTime, performance.now()];
  }
}
