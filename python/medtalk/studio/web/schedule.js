// When a frame of a live stream is to be seen: soon after its sound, and at an even pace.

const LIVE_FPS = 60;

/**
 * Frames come in small bunches, one for each step of the network. Seen as they come the face would stutter; so each is
 * seen a fixed delay after its sound: that by which nine of ten bunches have come, but for what comes very late on a
 * machine that is busy. Who is later is seen when it comes, unless there is something newer by then. The delay follows
 * the last two seconds, up and down.
 *
 * All times are seconds of the clock of the page; `heard` and `came` are called as things come.
 */
class Schedule {
  static KEPT = 0.5; // seconds for which the time of samples counts, and as many again
  static STALLED = 0.1; // seconds by which samples are late at once when the browser had paused them
  static BUNCHES = 50; // of frames that the delay follows
  static ON_TIME = 0.9; // of all bunches
  static WAITS = 0.03; // seconds that half of them are made to wait at most for those that are later

  constructor(rate) {
    Object.assign(this, { rate, count: 0, starts: null, since: 0, late: [], delay: 0 });
  }

  /** So many samples, of which the last was there at `now`. */
  heard(samples, now) {
    this.count += samples;
    // Samples may come late and never early: the earliest time of the first one that any of them tells is right.
    const start = now - this.count / this.rate;
    if (!this.starts || start - Math.min(...this.starts) > Schedule.STALLED) this.starts = [start, start];
    this.starts[0] = Math.min(this.starts[0], start);
    if (now - this.since > Schedule.KEPT) [this.starts, this.since] = [[start, this.starts[0]], now];
  }

  /** When the sound of a frame was there. */
  sounded(frame) {
    return (this.starts ? Math.min(...this.starts) : 0) + frame / LIVE_FPS;
  }

  /** A bunch of frames came, which begins with this one. */
  came(first, now) {
    this.late.push(now - this.sounded(first));
    if (this.late.length > Schedule.BUNCHES) this.late.shift();
    const sorted = [...this.late].sort((a, b) => a - b);
    const within = (part) => sorted[Math.floor(part * (sorted.length - 1))];
    this.delay = Math.min(within(Schedule.ON_TIME), within(0.5) + Schedule.WAITS);
  }

  /** The number of the newest frame that is to be seen by now. */
  due(now) {
    return Math.floor((now - this.delay - this.sounded(0)) * LIVE_FPS + 1e-3);
  }
}
