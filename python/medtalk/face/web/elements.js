// Elements of the page. Names and texts come from files of strangers: they become text nodes, never HTML.

/** An element: `element("button.quiet", {title: "Play"}, "Play")`; a function as an attribute listens to that event. */
function element(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag);
  made.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A canvas that is as sharp as the screen; `fit` is called before drawing and gives its context. */
class Surface {
  constructor() {
    this.canvas = element("canvas");
    this.width = this.height = 0;
  }

  fit() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    const [width, height] = [Math.max(1, Math.round(this.width * ratio)), Math.max(1, Math.round(this.height * ratio))];
    if (this.canvas.width !== width || this.canvas.height !== height)
      [this.canvas.width, this.canvas.height] = [width, height];
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    ctx.font = `11px ${getComputedStyle(this.canvas).fontFamily}`;
    ctx.textBaseline = "middle";
    return ctx;
  }
}

/** The colours of the style sheet by their names, and one for each take. */
function palette(root) {
  const style = getComputedStyle(root);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["ground", "panel", "line", "text", "quiet", "faint", "accent", "bad", "good"];
  const colors = Object.fromEntries(names.map((name) => [name, color(name)]));
  const takes = [1, 2, 3, 4, 5, 6].map((number) => color(`take-${number}`));
  return { ...colors, take: (i) => takes[i % takes.length] };
}

/** Seconds as 1:02.345, or 1:02 without `digits`. */
function clockText(seconds, digits = 3) {
  const whole = Math.floor(seconds / 60 + 1e-9);
  const rest = (seconds - 60 * whole + 1e-9).toFixed(digits);
  return `${whole}:${rest.padStart(digits ? digits + 3 : 2, "0")}`;
}

/** Text that fits into so many pixels, with an ellipsis where it was cut. */
function fitText(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let count = Math.floor(text.length * Math.min(1, width / ctx.measureText(text).width));
  while (count > 0 && ctx.measureText(`${text.slice(0, count)}…`).width > width) count--;
  return count ? `${text.slice(0, count)}…` : "";
}
