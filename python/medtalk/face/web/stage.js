// The stage: heads in a WebGL2 canvas, each in a box of its own, all seen from the same side.

const VERTEX_SHADER = `#version 300 es
in vec3 position, normal, rest, color;
in float material, heat;
uniform mat4 projection;
uniform mat3 turn;
uniform vec3 middle;
uniform float distance;
out vec3 N, E, R, C;
out float H;
flat out int M;
void main() {
  vec3 seen = turn * (position - middle) - vec3(0.0, 0.0, distance);
  N = turn * normal;
  E = seen;
  R = rest;
  C = color;
  H = heat;
  M = int(material + 0.5);
  gl_Position = projection * vec4(seen, 1.0);
}`;

const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec3 N, E, R, C;
in float H;
flat in int M;
uniform float hot;          // millimetres at the end of the heat's scale; 0 shows the colours of the head
uniform vec3 eyes[2];       // the middles of the eyes at rest
uniform float teeth;        // how far forward the teeth are: what lies behind them gets less light
uniform vec4 brow;          // the box of the brows' picture
uniform sampler2D brows;
out vec4 pixel;

const int SKIN = 0, MOUTH = 1, TONGUE = 2, TEETH = 3, EYE = 4, LASH = 5;
vec3 linear(vec3 c) { return pow(c, vec3(2.2)); }

vec3 iris(vec3 white) {
  vec3 p = R - (R.x > 0.0 ? eyes[0] : eyes[1]);
  float r = p.z > 0.0 ? length(p.xy) : 99.0, soft = fwidth(r) + 0.05;
  float rays = 0.85 + 0.15 * sin(40.0 * atan(p.y, p.x)) * sin(3.0 * r);
  vec3 blue = mix(vec3(0.30, 0.42, 0.46) * rays, vec3(0.10, 0.14, 0.17), smoothstep(3.6, 5.8, r));
  vec3 c = mix(linear(blue), white, smoothstep(5.6 - soft, 6.1 + soft, r));
  return mix(vec3(0.004), c, smoothstep(2.3 - soft, 2.5 + soft, r));
}

vec3 heated(float x) {
  vec3 low = vec3(0.10, 0.105, 0.12), middle = vec3(0.86, 0.40, 0.10), high = vec3(1.0, 0.86, 0.55);
  return x < 0.5 ? mix(low, middle, smoothstep(0.0, 0.5, x)) : mix(middle, high, smoothstep(0.5, 1.0, x));
}

void main() {
  vec3 n = normalize(N), view = normalize(-E);
  if (!gl_FrontFacing) n = -n;
  vec3 albedo = linear(C);
  if (M == EYE) albedo = iris(albedo);
  if (M == SKIN && R.z > 0.0) {
    float hair = texture(brows, vec2((R.x - brow.x) / (brow.z - brow.x), (brow.w - R.y) / (brow.w - brow.y))).r;
    albedo = mix(albedo, linear(vec3(0.20, 0.14, 0.11)), 0.92 * hair);
  }
  if (hot > 0.0) albedo = heated(clamp(H / hot, 0.0, 1.0)) * (M == SKIN ? 1.0 : 0.5);
  float open = M == MOUTH || M == TONGUE || M == TEETH ? mix(0.10, 0.8, smoothstep(-28.0, 2.0, R.z - teeth)) : 1.0;

  vec3 key = normalize(vec3(-0.45, 0.55, 0.75)), fill = normalize(vec3(0.8, 0.1, 0.5)), back = normalize(vec3(0.6, 0.5, -0.7));
  // light that goes into skin comes out reddish behind the edge of the shade
  vec3 wrap = M == SKIN ? vec3(0.42, 0.24, 0.18) : vec3(0.15);
  vec3 lit = max((dot(n, key) + wrap) / (1.0 + wrap), 0.0) * vec3(1.02, 0.97, 0.90) * 0.95;
  lit += max((dot(n, fill) + wrap) / (1.0 + wrap), 0.0) * vec3(0.62, 0.74, 0.95) * 0.26;
  lit += mix(vec3(0.085, 0.070, 0.066), vec3(0.20, 0.21, 0.235), 0.5 + 0.5 * n.y);
  vec3 light = albedo * lit * open;

  float edge = pow(1.0 - clamp(dot(n, view), 0.0, 1.0), 4.0);
  float rim = M == SKIN || M == LASH ? max(dot(n, back), 0.0) * 0.35 + edge * 0.05 : 0.0;
  light += rim * vec3(0.55, 0.68, 0.90) * (0.2 + albedo);
  float wet = M == EYE ? 0.9 : M == SKIN ? 0.055 : M == LASH ? 0.0 : 0.16 * open, sharp = M == EYE ? 220.0 : M == SKIN ? 22.0 : 60.0;
  if (hot > 0.0) wet *= 0.4;
  light += wet * pow(max(dot(n, normalize(key + view)), 0.0), sharp) * (1.0 + 2.0 * edge);

  light = light * (1.0 + light * 0.12) / (1.0 + light * 0.38);
  pixel = vec4(pow(light * 1.12, vec3(1.0 / 2.2)), 1.0);
}`;

const DISTANCE = 900; // millimetres from the eye to the middle of the head
const HOT = 4; // millimetres at which the heat of a difference is highest

/** A canvas of heads. Throws where there is no WebGL2. */
class Stage {
  constructor(canvas, head) {
    this.canvas = canvas;
    this.head = head;
    this.view = { yaw: 0, pitch: 0, zoom: 1, x: 0, y: 0 };
    const box = Stage.box(head.vertices);
    this.middle = [0, (box.low[1] + box.high[1]) / 2, (box.low[2] + box.high[2]) / 2];
    this.half = [(box.high[0] - box.low[0]) / 2, (box.high[1] - box.low[1]) / 2];
    this.positions = new Float32Array(head.vertices.length);
    this.others = new Float32Array(head.vertices.length);
    this.normals = new Float32Array(head.vertices.length);
    this.heat = new Float32Array(head.count);
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: true });
    if (!this.gl) throw new Error("no WebGL2");
    this.load();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.load());
  }

  static box(vertices) {
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    vertices.forEach((value, i) => {
      low[i % 3] = Math.min(low[i % 3], value);
      high[i % 3] = Math.max(high[i % 3], value);
    });
    return { low, high };
  }

  /** Give the graphics card everything that does not change. */
  load() {
    const { gl, head } = this;
    const program = (this.program = gl.createProgram());
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, FRAGMENT_SHADER]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the shaders do not compile: ${gl.getAttachedShaders(program).map((each) => gl.getShaderInfoLog(each)).join(" ")}`);
    }
    gl.useProgram(program);
    this.uniform = new Proxy({}, { get: (known, name) => (known[name] ??= gl.getUniformLocation(program, name)) });
    this.buffers = {
      position: this.attribute("position", 3, gl.FLOAT),
      normal: this.attribute("normal", 3, gl.FLOAT),
      heat: this.attribute("heat", 1, gl.FLOAT),
    };
    this.attribute("rest", 3, gl.FLOAT, head.vertices);
    this.attribute("color", 3, gl.UNSIGNED_BYTE, head.colors, true);
    this.attribute("material", 1, gl.UNSIGNED_BYTE, head.material);
    this.send(this.buffers.heat, this.heat);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, head.triangles, gl.STATIC_DRAW);
    this.picture();
    gl.uniform3fv(this.uniform.eyes, [...head.eyes.left, ...head.eyes.right]);
    gl.uniform1f(this.uniform.teeth, head.front(3));
    gl.uniform3fv(this.uniform.middle, this.middle);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
  }

  attribute(name, size, type, data = null, normalized = false) {
    const { gl } = this;
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    if (data) gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(this.program, name);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, normalized, 0, 0);
    return buffer;
  }

  send(buffer, data) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.DYNAMIC_DRAW);
  }

  /** The brows, as a texture. */
  picture() {
    const { gl, head } = this;
    const { box, width, height } = head.paint;
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, head.brows);
    for (const [name, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) {
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    }
    gl.uniform4fv(this.uniform.brow, box);
  }

  /** Fit the canvas to its place on the page; whether its size has changed. */
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio)), height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    [this.canvas.width, this.canvas.height] = [width, height];
    return true;
  }

  /**
   * Draw faces, each {values, from, box}: 174 values; those of another face whose distance is shown as heat, or null;
   * and its box on the canvas, [x, y, width, height] as parts of it, from the top left. Gives the largest distance in
   * millimetres.
   */
  draw(faces) {
    const { gl, canvas, head } = this;
    gl.scissor(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    let largest = 0;
    for (const { values, from, box } of faces) {
      const [x, y, width, height] = [box[0] * canvas.width, (1 - box[1] - box[3]) * canvas.height, box[2] * canvas.width, box[3] * canvas.height].map(Math.round);
      gl.viewport(x, y, width, height);
      gl.scissor(x, y, width, height);
      this.look(width / height);
      head.pose(values, this.positions);
      head.normals(this.positions, this.normals);
      this.send(this.buffers.position, this.positions);
      this.send(this.buffers.normal, this.normals);
      gl.uniform1f(this.uniform.hot, from ? HOT : 0);
      if (from) {
        largest = Math.max(largest, this.measure(head.pose(from, this.others)));
        this.send(this.buffers.heat, this.heat);
      }
      gl.drawElements(gl.TRIANGLES, head.triangles.length, gl.UNSIGNED_SHORT, 0);
    }
    return largest;
  }

  /** The distance of each vertex from where another face has it; gives the largest. */
  measure(others) {
    const { positions, heat } = this;
    let largest = 0;
    for (let v = 0, i = 0; v < heat.length; v++, i += 3) {
      heat[v] = Math.hypot(positions[i] - others[i], positions[i + 1] - others[i + 1], positions[i + 2] - others[i + 2]);
      if (heat[v] > largest) largest = heat[v];
    }
    return largest;
  }

  /** Set the camera for a box of this shape: the whole head is in it, whatever the shape. */
  look(aspect) {
    const { gl, view, half } = this;
    const [near, far] = [DISTANCE - 400, DISTANCE + 400];
    const tall = (Math.max(half[1] * 1.05, (half[0] * 1.15) / aspect) / DISTANCE) / view.zoom;
    const projection = new Float32Array(16);
    projection[0] = 1 / (tall * aspect);
    projection[5] = 1 / tall;
    projection[8] = -view.x;
    projection[9] = -view.y;
    projection[10] = -(far + near) / (far - near);
    projection[11] = -1;
    projection[14] = (-2 * far * near) / (far - near);
    const [a, b, c, d] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
    gl.uniformMatrix4fv(this.uniform.projection, false, projection);
    gl.uniformMatrix3fv(this.uniform.turn, false, [a, b * d, -b * c, 0, c, d, b, -a * d, a * c]);
    gl.uniform1f(this.uniform.distance, DISTANCE);
  }
}

/** Turn, move and zoom `view` with the mouse over `element`; `changed` is called after each change. */
function orbit(element, view, changed) {
  const rest = { ...view };
  const reset = () => (Object.assign(view, rest), changed());
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    element.onpointermove = ({ movementX, movementY }) => {
      if (event.shiftKey || event.button) {
        view.x += (2 * movementX) / element.clientWidth;
        view.y -= (2 * movementY) / element.clientHeight;
      } else {
        view.yaw = Math.max(-1.5, Math.min(1.5, view.yaw + movementX * 0.008));
        view.pitch = Math.max(-0.8, Math.min(0.8, view.pitch + movementY * 0.006));
      }
      changed();
    };
  });
  for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => (element.onpointermove = null));
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", reset);
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoom = Math.max(0.6, Math.min(8, view.zoom * Math.exp(-event.deltaY * 0.0012)));
    changed();
  }, { passive: false });
  return reset;
}
