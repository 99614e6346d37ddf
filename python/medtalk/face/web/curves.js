// The curves of all channels that move, by area, under the time line: found by name, read by hovering.

const ROW = 28; // pixels
const ORDER = ["head", "brow", "eye", "cheek", "nose", "mouth", "jaw", "tongue", "teeth", "neck"];
const LEAST = 0.25; // of a channel, over the height of a row: what moves less looks so
const LEAST_TURN = 6; // degrees, of the head

class Curves {
  constructor(player, board) {
    this.player = player;
    this.channels = board.channels.map(([name, area], channel) => ({ channel, name, area }));
    this.areas = [...new Set([...ORDER, ...this.channels.map(({ area }) => area)])];
    this.area = ""; // the only one that is shown; "" shows all
    this.rows = [];
    this.surface = new Surface();
    this.search = element("input", {
      type: "search",
      placeholder: "Search curves",
      "aria-label": "Search curves",
      spellcheck: "false",
      input: () => this.list(),
    });
    this.chips = element("div.chips");
    this.told = element("span.told");
    this.spacer = element("div");
    this.scroller = element("div.scroller", { scroll: () => this.draw() }, this.spacer);
    this.element = element(
      "div.curves",
      {},
      element("div.finder", {}, this.search, this.chips, this.told),
      element("div.plot", {}, this.surface.canvas, this.scroller),
    );
    this.scroller.addEventListener("pointermove", (event) => this.point(event));
    this.scroller.addEventListener("pointerleave", () => ((this.pointed = null), player.hover(null)));
    this.scroller.addEventListener("click", (event) => this.place(event).inside && player.seek(this.place(event).time));
    this.scroller.addEventListener(
      "wheel",
      (event) => (event.ctrlKey || event.shiftKey) && player.timeline.wheel(event),
      { passive: false },
    );
  }

  /** Make the list of rows anew: of other takes, another search or another order. */
  list() {
    const { takes, mode } = this.player;
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const moving = this.channels.filter(({ channel }) => takes.some(({ tracks }) => Take.moves(tracks.get(channel))));
    const found = moving.filter(({ name, area }) =>
      words.every((word) => name.toLowerCase().includes(word) || area === word),
    );
    this.rows = found.filter(({ area }) => !this.area || area === this.area);
    this.compared = mode === "difference" && takes.length > 1;
    if (this.compared) {
      this.differences = new Map(this.rows.map((row) => [row.channel, this.player.difference(row.channel)]));
      this.rows.sort((a, b) => this.differences.get(b.channel) - this.differences.get(a.channel));
    } else this.rows.sort((a, b) => this.areas.indexOf(a.area) - this.areas.indexOf(b.area) || a.channel - b.channel);
    const areas = this.areas.filter((area) => moving.some((each) => each.area === area));
    this.chips.replaceChildren(...["", ...areas].map((area) => this.chip(area)));
    const resting = this.channels.filter((each) => each.area !== "head" && !moving.includes(each)).length;
    this.told.textContent = [
      this.rows.length < moving.length ? `${this.rows.length} of ${moving.length} curves` : `${moving.length} curves`,
      resting ? `${resting} channels rest at 0 and are left out` : "",
      this.compared ? "the largest difference first" : "",
    ]
      .filter(Boolean)
      .join(" · ");
    for (const row of this.rows) Object.assign(row, this.range(row));
    this.spacer.style.height = `${this.rows.length * ROW}px`;
    this.draw();
  }

  /** From where to where the row of a channel goes: as far as the takes do, and 0. */
  range({ channel, area }) {
    const tracks = this.player.takes.map(({ tracks }) => tracks.get(channel)).filter(Boolean);
    const low = Math.min(0, ...tracks.map((track) => track.low)),
      high = Math.max(0, ...tracks.map((track) => track.high));
    const more = Math.max(0, (area === "head" ? LEAST_TURN : LEAST) - (high - low));
    return -low > high ? { low: low - more, high } : { low, high: high + more };
  }

  chip(area) {
    const show = () => ((this.area = area), (this.scroller.scrollTop = 0), this.list());
    return element(
      "button.chip",
      { type: "button", "aria-pressed": String(area === this.area), click: show },
      area || "all",
    );
  }

  /** The row and the time under the pointer. */
  place({ clientX, clientY }) {
    const box = this.scroller.getBoundingClientRect();
    const x = clientX - box.left;
    const row = Math.floor((clientY - box.top + this.scroller.scrollTop) / ROW);
    return { row, time: this.player.timeline.span.time(x - GUTTER), inside: x >= GUTTER };
  }

  point(event) {
    const place = this.place(event);
    this.pointed = place.row;
    this.player.hover(place.inside ? place.time : null);
  }

  draw() {
    const { takes, selected, colors, timeline } = this.player;
    const ctx = this.surface.fit();
    const view = Object.assign(Object.create(timeline.span), { height: ROW, width: timeline.span.width });
    const top = this.scroller.scrollTop;
    for (let i = Math.floor(top / ROW); i < this.rows.length && i * ROW < top + this.surface.height; i++) {
      const { channel, low, high } = this.rows[i];
      ctx.save();
      ctx.translate(0, i * ROW - top);
      this.drawName(ctx, this.rows[i], this.rows[i - 1]);
      ctx.translate(GUTTER, 0);
      ctx.beginPath();
      ctx.rect(0, 0, view.width, ROW);
      ctx.clip();
      ctx.fillStyle = colors.line;
      ctx.fillRect(0, ROW - 4 - ((0 - low) / (high - low)) * (ROW - 8), view.width, 1);
      takes.forEach((take, index) => {
        const track = take.tracks.get(channel);
        ctx.strokeStyle = colors.take(index);
        ctx.globalAlpha = index === selected || takes.length < 2 ? 1 : 0.6;
        if (track) drawCurve(ctx, view, take, (frame) => track.low + track.step * track.counts[frame], low, high);
      });
      ctx.restore();
    }
    this.drawValues();
  }

  drawName(ctx, row, before) {
    const { colors } = this.player;
    const heads = !this.compared && row.area !== before?.area;
    if (heads && before) {
      ctx.fillStyle = colors.line;
      ctx.fillRect(0, -0.5, this.surface.width, 1);
    }
    ctx.textAlign = "left";
    ctx.fillStyle = colors.faint;
    if (heads || this.compared) ctx.fillText(fitText(ctx, row.area, 44), 16, ROW / 2);
    ctx.fillStyle = colors.quiet;
    const name = row.name.replace(/^([LRC])_(mouth|brow|eye|nose|jaw|tongue|neck|teeth|ear)_/, (_, side, area) =>
      area === row.area ? `${side} ` : `${side} ${area} `,
    );
    ctx.fillText(fitText(ctx, name.replaceAll("_", " "), GUTTER - 106), 62, ROW / 2);
  }

  /** The values at the pointer, or else at the time, beside the names; cheap enough for every frame. */
  drawValues() {
    const { takes, selected, colors } = this.player;
    const take = takes[selected];
    if (!take) return;
    const frame = take.frameAt(this.player.hovered ?? this.player.time);
    const ctx = this.surface.canvas.getContext("2d");
    const top = this.scroller.scrollTop;
    ctx.textAlign = "right";
    for (let i = Math.floor(top / ROW); i < this.rows.length && i * ROW < top + this.surface.height; i++) {
      const y = i * ROW - top;
      ctx.fillStyle = colors.ground;
      ctx.fillRect(GUTTER - 42, y + 1, 38, ROW - 2);
      ctx.fillStyle = this.player.hovered !== null && i === this.pointed ? colors.accent : colors.text;
      const shown = this.compared
        ? this.differences.get(this.rows[i].channel)
        : take.value(this.rows[i].channel, frame);
      const text = this.rows[i].area === "head" ? `${shown.toFixed(1)}°` : shown.toFixed(2);
      ctx.fillText(text, GUTTER - 8, y + ROW / 2);
    }
  }
}
