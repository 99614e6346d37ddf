// The time of what is played. With a sound the sound is the clock, without one the machine's own clock runs.

/**
 * Browsers move `currentTime` of a sound in steps, some of a few milliseconds and some of 40, and between two steps it is
 * behind the sound. So how far the sound is ahead of the machine's clock is taken as the most that was seen within the
 * last second. Nothing adds up: after an hour the face is as near to the sound as after a second.
 *
 * `<audio>` plays, not Web Audio, because it keeps the pitch at any speed and decodes as it plays: an hour of sound
 * would take over a gigabyte of samples.
 */
class Clock {
  static KEPT = 0.5; // seconds for which what was seen counts, and as many again
  static STALLED = 0.1; // seconds without a step: the sound has stopped for a while
  static BACK = 0.2; // seconds; a smaller step back is waited for, so that the face never goes back

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
    this.leads = null; // seconds that the sound is ahead of the machine's clock, of this half second and that before
    this.since = 0; // when this half second began, by the machine's clock
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
      this.audio.addEventListener("pause", (event) => this.stopped(event.target));
    }
    this.soundSeconds = sound ? sound.seconds : 0;
    this.seek(this.at);
    if (playing) this.play();
  }

  /** The browser or a media key has stopped the sound: then the face stops too. */
  stopped(audio) {
    if (audio !== this.audio || !this.playing || this.waiting || !audio.paused || audio.ended) return;
    this.pause();
    this.onend();
  }

  /** Whether the sound tells the time now: it has not ended, and the browser plays it. */
  get sounding() {
    return this.audio !== null && !this.audio.ended && !this.audio.paused;
  }

  time() {
    if (!this.playing || this.waiting) return this.at;
    const now = performance.now() / 1000;
    if (this.sounding) {
      if (this.audio.seeking) return ((this.leads = null), this.at);
      const shown = this.audio.currentTime - now * this.speed;
      if (!this.leads || Math.max(...this.leads) - shown > Clock.STALLED * Math.max(1, this.speed))
        this.leads = [shown, shown];
      this.leads[0] = Math.max(this.leads[0], shown);
      const time = Math.max(...this.leads) + now * this.speed;
      if (now - this.since > Clock.KEPT) [this.leads, this.since] = [[shown, this.leads[0]], now];
      if (time > this.at || this.at - time > Clock.BACK) this.at = time;
      this.alone = null;
    } else {
      // no sound, or it has ended before the face has
      this.alone ??= { from: this.at, since: now };
      this.at = this.alone.from + (now - this.alone.since) * this.speed;
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
    [this.alone, this.leads, this.waiting] = [null, null, false];
    const { audio } = this;
    if (!audio || this.at >= this.soundSeconds) return;
    audio.playbackRate = this.speed;
    this.waiting = audio.paused;
    const begun = () => {
      if (audio === this.audio) [this.waiting, this.leads] = [false, null];
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
    this.alone = this.leads = null;
    if (this.audio) this.audio.playbackRate = speed;
  }
}
