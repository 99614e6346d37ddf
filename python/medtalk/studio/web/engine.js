// The way to the engine: sounds and settings out, takes in.

/** An error of the engine: what was wrong, what is valid, what to do next. */
class EngineError extends Error {
  constructor({ code, message, hint }) {
    super([message, hint].filter(Boolean).join(" ").replace(/\s+/g, " ")); // messages of libraries may have several lines
    this.code = code;
  }
}

/** The server of this page does not answer. */
function gone() {
  return new EngineError({ code: "gone", message: "The studio does not answer.", hint: "Start it again." });
}

/** The server of this page; its address is relative, so that the token stays in the address bar. */
class Engine {
  constructor() {
    this.tab = Math.random().toString(36).slice(2);
  }

  async start() {
    return (await this.fetch("start")).json();
  }

  async head() {
    return this.bytes("head");
  }

  /** Keep a sound or picture; {id, name}. Too large a file is refused before it is sent. */
  async keep(file, name, limit, kind = "sound") {
    if (file.size > limit) {
      throw new EngineError({ code: "limit", message: `${name} has ${file.size} bytes; the limit is ${limit}.` });
    }
    return (await this.fetch(`keep?${new URLSearchParams({ name, kind })}`, file)).json();
  }

  async sound(id) {
    return Sound.read(await this.bytes(`sound?id=${id}`));
  }

  /** The take of settings; one that is judged says what is wrong with it, and takes longer. */
  async take(settings, judged = false) {
    const query = new URLSearchParams({ tab: this.tab, ...(judged ? { judged: "" } : {}) });
    return Take.read(await this.bytes(`take?${query}`, JSON.stringify(asked(settings))));
  }

  /** A file of the take, as a Blob. `span` is [start, end] in seconds, or null for all of it. */
  async file(settings, ending, span) {
    const query = new URLSearchParams({ tab: this.tab, ending });
    return (await this.fetch(`export?${query}`, JSON.stringify({ ...asked(settings), span }))).blob();
  }

  /** Whether the emotion in a voice can be heard on this machine. */
  async hears() {
    return (await this.fetch("voice")).json();
  }

  async progress() {
    return (await this.fetch(`progress?tab=${this.tab}`)).json();
  }

  async bytes(path, body) {
    return new Uint8Array(await (await this.fetch(path, body)).arrayBuffer());
  }

  async fetch(path, body) {
    let answer;
    try {
      answer = await fetch(path, body === undefined ? {} : { method: "POST", body });
    } catch {
      throw gone();
    }
    if (answer.ok) return answer;
    const facts = { code: "refused", message: `The studio refused this (${answer.status}).`, hint: "" };
    throw new EngineError(await answer.json().catch(() => facts));
  }
}

/**
 * Takes for settings that change faster than they can be made: one is under way, and only the newest settings wait.
 *
 * `onTake(take, settings)` and `onError(error, settings)` are called for what was made; `onStart(settings)` before, and
 * what it returns after that.
 */
class Pump {
  constructor(engine, onTake, onError, onStart) {
    Object.assign(this, { engine, onTake, onError, onStart, wanted: null, busy: false });
  }

  async ask(settings) {
    this.wanted = settings;
    if (this.busy) return;
    this.busy = true;
    while (this.wanted) {
      const now = this.wanted;
      this.wanted = null;
      const onEnd = this.onStart(now);
      try {
        this.onTake(await this.engine.take(now), now);
      } catch (error) {
        if (error.code !== "cancelled") this.onError(error, now);
      } finally {
        onEnd();
      }
    }
    this.busy = false;
  }
}
