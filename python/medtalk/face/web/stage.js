// The stage: heads in a WebGL2 canvas, each in a box of its own, all seen from the same side.

// The look is that of medtalk/face/look.py, whose constants are put in front of both, one line of GLSL each.
const VERTEX_SHADER = `
in vec3 position, normal, rest, color;
in float material, heat;
uniform mat4 projection;
uniform mat3 turn;
uniform vec3 middle;
uniform float away;
centroid out vec3 N, R, C; // centroid: at the edge of a sliver, nothing is guessed beyond it
centroid out float H;
flat out int M;
void main() {
  vec3 seen = turn * (position - middle) - vec3(0.0, 0.0, away);
  N = turn * normal;
  R = rest;
  C = color;
  H = heat;
  M = int(material + 0.5);
  gl_Position = projection * vec4(seen, 1.0);
  if (M == LASHES) { // they lie in the skin of the lid: seen as if a little before it
    vec4 nearer = projection * vec4(seen + vec3(0.0, 0.0, 1.2), 1.0);
    gl_Position.z = nearer.z / nearer.w * gl_Position.w;
  }
}`;

const FRAGMENT_SHADER = `
centroid in vec3 N, R, C;
centroid in float H;
flat in int M;
uniform float hot;          // millimetres at the end of the heat's scale; 0 shows the colours of the head
uniform vec3 centers[2];    // of the eyes at rest, the left one first
uniform vec3 axes[2];       // where they look
uniform float lips, gap;    // how far forward the lips are, and how far apart
uniform float bottom;       // of the neck
uniform vec4 box;           // of the brows' picture
uniform sampler2D brows;
out vec4 pixel;

vec3 iris(vec3 white, vec3 direction, vec3 axis) {
  float angle = acos(clamp(dot(axis, direction), -1.0, 1.0)), blur = fwidth(angle) + 0.003;
  vec2 off = direction.xy - axis.xy;
  float around = atan(off.y, off.x), radius = angle / IRIS_ANGLE;
  float fibres = 1.0 + 0.10 * sin(23.0 * around + 3.0 * sin(7.0 * around)) * smoothstep(0.3, 0.6, radius);
  vec3 colour = IRIS * IRIS * (1.25 - 0.55 * off.y / IRIS_ANGLE) * fibres;
  colour = mix(colour, RING * RING, smoothstep(0.72, 1.0, radius));
  colour = mix(colour, PUPIL * PUPIL, 1.0 - smoothstep(-blur, blur, angle - PUPIL_ANGLE));
  return mix(colour, white, smoothstep(-1.6 * blur, 1.6 * blur, angle - IRIS_ANGLE));
}

float lash(vec3 place) {
  float along = smoothstep(LASH_MM.x, LASH_MM.y, length(place));
  float hairs = 0.5 + 0.5 * sin(70.0 * atan(place.y, place.x));
  float thin = 1.0 - 0.55 * (1.0 - smoothstep(-3.0, -1.0, place.y));
  return thin * (1.0 - along) * mix(1.0, hairs, smoothstep(0.1, 0.6, along));
}

vec3 heated(float x) {
  vec3 low = vec3(0.12, 0.125, 0.14), middle = vec3(0.78, 0.36, 0.10), high = vec3(1.0, 0.88, 0.60);
  return x < 0.6 ? mix(low, middle, x / 0.6) : mix(middle, high, (x - 0.6) / 0.4);
}

void main() {
  int side = R.x > 0.0 ? 0 : 1;
  if (M == LASHES) {
    float cover = lash(R - centers[side]);
    pixel = vec4(LASH * cover, cover);
    return;
  }
  vec3 normal = normalize(N);
  vec3 albedo = C * C;
  float shadow = 1.0;
  if (M == SKIN && R.z > lips - 45.0) {
    vec2 place = (R.xy - box.xy) / (box.zw - box.xy);
    if (all(greaterThan(place, vec2(0.0))) && all(lessThan(place, vec2(1.0)))) albedo = mix(albedo, BROW * BROW, texture(brows, place).r);
  }
  if (M == EYE) {
    albedo = iris(albedo, normalize(R - centers[side]), axes[side]);
    shadow = 0.92 - 0.60 * smoothstep(0.05, 0.55, normal.y);
  }
  if (HOLLOW[M] > 0.0) shadow = max(gap, 0.5) / (max(gap, 0.5) + HOLLOW[M] * max(lips - R.z, 0.0));
  if (hot > 0.0) albedo = heated(clamp(H / hot, 0.0, 1.0));

  vec3 key = normalize(KEY), diffuse = clamp((dot(key, normal) + WRAP) / (1.0 + WRAP), 0.0, 1.0);
  float fill = clamp(dot(normalize(FILL), normal), 0.0, 1.0), sky = 0.65 + 0.35 * normal.y;
  vec3 lit = albedo * (diffuse * KEY_LIGHT + fill * FILL_LIGHT + sky * SKY_LIGHT);
  float shine = GLOSS[M].x * pow(clamp(dot(normalize(GLINT), normal), 0.0, 1.0), GLOSS[M].y);
  float edge = pow(1.0 - clamp(normal.z, 0.0, 1.0), 3.0);
  vec3 light = (lit + shine * KEY_LIGHT + edge * RIM_LIGHT * (0.1 + albedo)) * shadow;
  float solid = smoothstep(bottom, bottom + FADE_MM, R.y);
  pixel = vec4(sqrt(clamp(light, 0.0, 1.0)) * solid, solid);
}`;

/** The constants of the look as GLSL. */
function lookSource(look, materials) {
  const number = (value) => (Number.isInteger(value) ? value.toFixed(1) : String(value));
  const vector = (values) => `vec${values.length}(${values.map(number).join(", ")})`;
  const lines = materials.map((name, i) => `const int ${name === "lash" ? "LASHES" : name.toUpperCase()} = ${i};`);
  for (const [name, value] of Object.entries(look)) {
    if (typeof value === "number") lines.push(`const float ${name} = ${number(value)};`);
    else if (Array.isArray(value)) lines.push(`const vec${value.length} ${name} = ${vector(value)};`);
    else {
      const each = materials.map((material) => value[material] ?? 0);
      const size = Array.isArray(each[0]) ? `vec${each[0].length}` : "float";
      lines.push(
        `const ${size} ${name}[${each.length}] = ${size}[](${each.map((one) => (Array.isArray(one) ? vector(one) : number(one))).join(", ")});`,
      );
    }
  }
  return ["#version 300 es", "precision highp float;", ...lines].join("\n");
}

const DISTANCE = 900; // millimetres from the camera to the middle of the face
const SEEN = [200, 262]; // millimetres, width and height, that are always in a box
const FINE = [1.5, 2]; // pixels drawn for a pixel of the page in a row, at least and at most; the browser scales them
const SLOW = 45; // milliseconds from frame to frame, more than which looks like stumbling
const HOT = 4; // millimetres at which the heat of a difference is highest

/** A canvas of heads. Throws where there is no WebGL2. */
class Stage {
  constructor(canvas, head) {
    this.canvas = canvas;
    this.head = head;
    this.view = { yaw: 0, pitch: 0, zoom: 1, x: 0, y: 0 };
    this.share = 1; // of all those pixels, in a row
    this.pace = 0; // milliseconds from frame to frame
    const lips = mean(head, [...head.marks.lip_upper, ...head.marks.lip_lower]),
      eyes = mean(
        head,
        Object.values(head.eyes).flatMap(({ vertices }) => vertices),
      );
    this.middle = [0, 0.7 * eyes[1] + 0.3 * lips[1], eyes[2]];
    this.lips = lips[2];
    this.positions = new Float32Array(head.vertices.length);
    this.others = new Float32Array(head.vertices.length);
    this.normals = new Float32Array(head.vertices.length);
    this.heat = new Float32Array(head.count);
    // smooth by more pixels than the screen has: multisampling in software leaves dark specks where triangles meet
    this.gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
    if (!this.gl) throw new Error("no WebGL2");
    this.load();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.load());
  }

  /** Give the graphics card everything that does not change. */
  load() {
    const { gl, head } = this;
    const program = (this.program = gl.createProgram());
    const look = lookSource(head.look, head.materials);
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, VERTEX_SHADER],
      [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
    ]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, look + source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(
        `the shaders do not compile: ${gl
          .getAttachedShaders(program)
          .map((each) => gl.getShaderInfoLog(each))
          .join(" ")}`,
      );
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
    // a triangle is of the material of its first corner; WebGL asks the last
    const turned = head.triangles.map((_, i, all) => all[i % 3 === 2 ? i - 2 : i + 1]);
    const lashes = head.materials.indexOf("lash"),
      isLash = (_, i) => head.material[head.triangles[i - (i % 3)]] === lashes;
    const [solid, thin] = [turned.filter((v, i) => !isLash(v, i)), turned.filter(isLash)];
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, Uint16Array.of(...solid, ...thin), gl.STATIC_DRAW);
    this.sizes = [solid.length, thin.length];
    this.picture();
    gl.uniform3fv(
      this.uniform.centers,
      Object.values(head.eyes).flatMap(({ center }) => center),
    );
    gl.uniform3fv(
      this.uniform.axes,
      Object.values(head.eyes).flatMap(({ axis }) => axis),
    );
    gl.uniform1f(this.uniform.lips, this.lips);
    gl.uniform1f(this.uniform.bottom, head.bottom);
    gl.uniform3fv(this.uniform.middle, this.middle);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
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
    const { picture, box, width, height } = head.paint;
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, picture);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) {
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    }
    gl.uniform4fv(this.uniform.box, box);
  }

  /** Fit the canvas to its place on the page; whether its size has changed. */
  resize() {
    const [least, most] = FINE;
    const ratio = Math.max(least, Math.min(window.devicePixelRatio || 1, most)) * this.share;
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio)),
      height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    [this.canvas.width, this.canvas.height] = [width, height];
    return true;
  }

  /** While it plays, so many milliseconds after the last frame: without a GPU, fewer pixels let the face keep up. */
  hurry(passed) {
    this.pace += 0.2 * (Math.min(passed, 200) - this.pace);
    if (this.pace < SLOW || this.share < 0.5) return;
    this.share *= 0.8;
    this.pace = SLOW / 2;
    this.resize();
  }

  /** It stands: all pixels again. */
  rest() {
    this.share = 1;
    this.pace = 0;
    this.resize();
  }

  /**
   * Draw faces, each {values, from, box}: 174 values, and yaw, pitch and roll of the head in degrees behind them, if
   * it turns; those of another face whose distance is shown as heat, or null;
   * and its box on the canvas, [x, y, width, height] as parts of it, from the top left. Gives the largest distance in
   * millimetres.
   */
  draw(faces) {
    const { gl, canvas, head } = this;
    gl.scissor(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    let largest = 0;
    for (const { values, from, box } of faces) {
      const [x, y, width, height] = [
        box[0] * canvas.width,
        (1 - box[1] - box[3]) * canvas.height,
        box[2] * canvas.width,
        box[3] * canvas.height,
      ].map(Math.round);
      gl.viewport(x, y, width, height);
      gl.scissor(x, y, width, height);
      this.look(width / height);
      head.pose(values, this.positions);
      if (from) {
        // before the head turns: what differs is the face
        largest = Math.max(largest, this.measure(head.pose(from, this.others)));
        this.send(this.buffers.heat, this.heat);
      }
      const turn = values.subarray(CHANNELS);
      if (turn.some(Boolean)) head.turned(this.positions, turn);
      head.normals(this.positions, this.normals);
      this.send(this.buffers.position, this.positions);
      this.send(this.buffers.normal, this.normals);
      gl.uniform1f(this.uniform.gap, head.gap(this.positions));
      gl.uniform1f(this.uniform.hot, from ? HOT : 0);
      this.drawTriangles();
    }
    return largest;
  }

  /** All that is solid, then the lashes, through which one sees, over it. */
  drawTriangles() {
    const {
      gl,
      sizes: [solid, thin],
    } = this;
    gl.enable(gl.CULL_FACE);
    gl.drawElements(gl.TRIANGLES, solid, gl.UNSIGNED_SHORT, 0);
    gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    gl.drawElements(gl.TRIANGLES, thin, gl.UNSIGNED_SHORT, 2 * solid);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }

  /** The distance of each vertex from where another face has it; gives the largest. */
  measure(others) {
    const { positions, heat } = this;
    let largest = 0;
    for (let v = 0, i = 0; v < heat.length; v++, i += 3) {
      heat[v] = Math.hypot(
        positions[i] - others[i],
        positions[i + 1] - others[i + 1],
        positions[i + 2] - others[i + 2],
      );
      if (heat[v] > largest) largest = heat[v];
    }
    return largest;
  }

  /** Set the camera for a box of this shape: the whole head is in it, whatever the shape. */
  look(aspect) {
    const { gl, view } = this;
    const [near, far] = [DISTANCE - 400, DISTANCE + 400];
    const tall = Math.max(SEEN[1], SEEN[0] / aspect) / (2 * DISTANCE * view.zoom);
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
    gl.uniform1f(this.uniform.away, DISTANCE);
  }
}

/** The mean place of vertices at rest. */
function mean({ vertices }, of) {
  return [0, 1, 2].map((axis) => of.reduce((sum, v) => sum + vertices[3 * v + axis], 0) / of.length);
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
  for (const name of ["pointerup", "pointercancel"])
    element.addEventListener(name, () => (element.onpointermove = null));
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", reset);
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      view.zoom = Math.max(0.6, Math.min(8, view.zoom * Math.exp(-event.deltaY * 0.0012)));
      changed();
    },
    { passive: false },
  );
  return reset;
}
