// The head: the same arithmetic as medtalk/rig/head.py, function by function. Millimetres; x to the character's left.

const RADIANS = Math.PI / 180;
const CHANNELS = 174; // behind them, in the values of a player, lies how the head turns

class Head {
  /** The head of the bytes of head.bin, and of `board` (medtalk.face.page), which says how channels move it. */
  static async read(bytes, board) {
    return new Head(await unpack(bytes), board);
  }

  constructor(header, board) {
    const { arrays } = header;
    this.table = board.table;
    this.look = board.look;
    this.vertices = Float32Array.from(arrays.vertices, (count) => count * header.unit);
    this.count = this.vertices.length / 3;
    this.triangles = arrays.triangles;
    this.colors = arrays.colors;
    this.material = arrays.material;
    this.materials = header.materials;
    this.paint = {
      picture: arrays.paint,
      box: header.paint.box,
      height: header.sizes.paint[0],
      width: header.sizes.paint[1],
    };
    this.marks = header.marks;
    this.eyes = header.eyes;
    this.lids = Object.values(header.eyes).map((eye) => this.around(eye));
    this.neck = header.neck;
    this.bottom = this.vertices.reduce((least, y, i) => (i % 3 === 1 ? Math.min(least, y) : least), Infinity);
    this.rows = header.shapes.map(({ scale, first, count }) => ({
      of: arrays.shape_index.subarray(first, first + count),
      delta: Float32Array.from(arrays.shape_delta.subarray(3 * first, 3 * (first + count)), (step) => step * scale),
    }));
    const number = new Map(header.shapes.map(({ name }, s) => [name, s]));
    this.linear = board.table.linear.map(([channel, sign, shape, gain]) => [channel, sign, number.get(shape), gain]);
    this.closedLids = board.table.closed_lids.map(([shape, channel, share]) => [number.get(shape), channel, share]);
    this.lines = Object.fromEntries(
      ["upper", "lower", "teeth"].map((name) => [
        name,
        { pairs: arrays[`${name}_vertices`], share: arrays[`${name}_share`] },
      ]),
    );
    this.columns = this.lines.upper.share.length;
    this.pulls = {
      of: arrays.pull_vertex,
      column: arrays.pull_column,
      above: arrays.pull_upper,
      below: arrays.pull_lower,
    };
  }

  /** What each shape gets: (174) values -> (S) weights. */
  weights(values) {
    const weights = new Float32Array(this.rows.length);
    for (const [channel, sign, shape, gain] of this.linear)
      weights[shape] += Math.max(sign * values[channel], 0) * gain;
    for (const [shape, channel, share] of this.closedLids)
      weights[shape] *= 1 - share * Math.max(0, Math.min(1, values[channel]));
    return weights;
  }

  /** Where the vertices are, (3V) in mm, for (174) values; turn: yaw, pitch and roll in degrees, or null. */
  pose(values, out = new Float32Array(this.vertices.length), turn = null) {
    this.shaped(this.weights(values), out);
    // the lines of the lips and the teeth, before anything but the shapes has moved them
    const [upper, lower, teeth] = ["upper", "lower", "teeth"].map((name) => this.line(out, name));
    const { bite, seal_upper, seal_lower, upper_share, tooth_lip } = this.table;
    const [bites, above, below] = [bite, seal_upper, seal_lower].map((profile) => this.pulled(values, profile));
    const down = new Float32Array(3 * this.columns),
      up = new Float32Array(3 * this.columns);
    for (let c = 0; c < this.columns; c++) {
      for (let axis = 0; axis < 3; axis++) {
        const i = 3 * c + axis;
        const bitten = bites[c] * (teeth[i] + tooth_lip[axis] - lower[i]);
        const gap = lower[i] + bitten - upper[i];
        // the lower lip above the upper: they meet in between, whatever was asked
        const crossed = axis === 1 && gap > 0;
        down[i] = upper_share * (crossed ? 1 : above[c]) * gap;
        up[i] = bitten + (upper_share - 1) * (crossed ? 1 : below[c]) * gap;
      }
    }
    this.turnEyes(out, values);
    this.layLids(out);
    this.pull(out, this.pulls.above, down);
    this.pull(out, this.pulls.below, up);
    return turn ? this.turned(out, turn) : out;
  }

  /** Move the lips: each of their vertices by its weight, with the columns of the mouth that it lies between. */
  pull(out, weights, moves) {
    const { of, column } = this.pulls;
    for (let i = 0; i < of.length; i++) {
      const first = Math.floor(column[i]),
        share = column[i] - first;
      for (let axis = 0; axis < 3; axis++) {
        out[3 * of[i] + axis] +=
          weights[i] * (moves[3 * first + axis] * (1 - share) + moves[3 * first + 3 + axis] * share);
      }
    }
  }

  /** Normals of length 1 of the vertices at `positions`. */
  normals(positions, out = new Float32Array(positions.length)) {
    const { triangles } = this;
    out.fill(0);
    for (let t = 0; t < triangles.length; t += 3) {
      const a = 3 * triangles[t],
        b = 3 * triangles[t + 1],
        c = 3 * triangles[t + 2];
      const ux = positions[b] - positions[a],
        uy = positions[b + 1] - positions[a + 1],
        uz = positions[b + 2] - positions[a + 2];
      const vx = positions[c] - positions[a],
        vy = positions[c + 1] - positions[a + 1],
        vz = positions[c + 2] - positions[a + 2];
      const x = uy * vz - uz * vy,
        y = uz * vx - ux * vz,
        z = ux * vy - uy * vx;
      ((out[a] += x), (out[a + 1] += y), (out[a + 2] += z));
      ((out[b] += x), (out[b + 1] += y), (out[b + 2] += z));
      ((out[c] += x), (out[c + 1] += y), (out[c + 2] += z));
    }
    for (let v = 0; v < out.length; v += 3) {
      const length = Math.sqrt(out[v] * out[v] + out[v + 1] * out[v + 1] + out[v + 2] * out[v + 2]) || 1;
      ((out[v] /= length), (out[v + 1] /= length), (out[v + 2] /= length));
    }
    return out;
  }

  /** Degrees to the character's left and up: [left eye, right eye]. */
  eyeTurns(values) {
    const { left_eye, right_eye, both_eyes, eye_degrees } = this.table;
    return [left_eye, right_eye].map((eye) => {
      const [x, y] = eye.map((channel, axis) => Math.max(-1, Math.min(1, values[channel] + values[both_eyes[axis]])));
      return [x * eye_degrees.sideways, y * (y > 0 ? eye_degrees.up : eye_degrees.down)];
    });
  }

  /** How far the lips are apart at most, in mm, on a face that is posed. */
  gap(positions) {
    const { lip_upper, lip_lower } = this.marks;
    return Math.max(
      ...lip_upper.map((u, i) =>
        Math.hypot(...[0, 1, 2].map((axis) => positions[3 * u + axis] - positions[3 * lip_lower[i] + axis])),
      ),
    );
  }

  /** How strongly each column of the mouth is pulled, 0 to 1. */
  pulled(values, profile) {
    const total = new Float32Array(this.columns);
    for (const [channel, columns] of profile) {
      const value = values[channel];
      if (value > 0) for (let c = 0; c < total.length; c++) total[c] += value * columns[c];
    }
    return total.map((each) => Math.min(each, 1));
  }

  /** The points of a line on a face: of either lip, or of the teeth's edge. */
  line(positions, name) {
    const { pairs, share } = this.lines[name];
    const points = new Float32Array(3 * share.length);
    for (let i = 0; i < points.length; i++) {
      const c = Math.floor(i / 3),
        axis = i % 3;
      points[i] =
        positions[3 * pairs[2 * c] + axis] * (1 - share[c]) + positions[3 * pairs[2 * c + 1] + axis] * share[c];
    }
    return points;
  }

  /** The resting face and the weighted shapes. */
  shaped(weights, out) {
    out.set(this.vertices);
    for (let s = 0; s < weights.length; s++) {
      const weight = weights[s];
      if (weight === 0) continue;
      const { of, delta } = this.rows[s];
      for (let i = 0, d = 0; i < of.length; i++, d += 3) {
        const v = 3 * of[i];
        out[v] += weight * delta[d];
        out[v + 1] += weight * delta[d + 1];
        out[v + 2] += weight * delta[d + 2];
      }
    }
  }

  turnEyes(out, values) {
    this.eyeTurns(values).forEach(([yaw, pitch], number) => {
      const { center, vertices } = Object.values(this.eyes)[number];
      const turn = rotation(yaw * RADIANS, pitch * RADIANS, 0);
      for (const v of vertices) turn(out, 3 * v, center, 1);
    });
  }

  /** The skin around an eye that lies above its eyeball at rest. */
  around({ center, radius }) {
    const skin = this.materials.indexOf("skin");
    const far = (v) => Math.hypot(...center.map((at, axis) => this.vertices[3 * v + axis] - at));
    const above = (v) => far(v) > radius + this.table.lid_mm && far(v) < 2 * radius;
    return Array.from(this.material.keys()).filter((v) => this.material[v] === skin && above(v));
  }

  /** Lids that shapes have pushed into an eyeball lie on it. */
  layLids(out) {
    Object.values(this.eyes).forEach(({ center, radius }, number) => {
      const [cx, cy, cz] = center,
        least = radius + this.table.lid_mm;
      for (const v of this.lids[number]) {
        const x = out[3 * v] - cx,
          y = out[3 * v + 1] - cy,
          z = out[3 * v + 2] - cz,
          far = Math.sqrt(x * x + y * y + z * z);
        if (far >= least) continue;
        const share = least / Math.max(far, 1e-6);
        out[3 * v] = cx + share * x;
        out[3 * v + 1] = cy + share * y;
        out[3 * v + 2] = cz + share * z;
      }
    });
  }

  /** The whole head turned; the neck follows from none at its edge to all at the skull. */
  turned(out, [yaw, pitch, roll]) {
    const turn = rotation(yaw * RADIANS, pitch * RADIANS, roll * RADIANS);
    for (let v = 0; v < this.count; v++) {
      const t = Math.max(0, Math.min(1, (this.vertices[3 * v + 1] - this.bottom) / (this.neck[1] - this.bottom)));
      turn(out, 3 * v, this.neck, t * t * (3 - 2 * t));
    }
    return out;
  }
}

/** Turns the point at `i` in `out` about a centre, by a share: roll about z, then pitch about x, then yaw about y. */
function rotation(yaw, pitch, roll) {
  const cy = Math.cos(yaw),
    sy = Math.sin(yaw),
    cp = Math.cos(pitch),
    sp = -Math.sin(pitch),
    cr = Math.cos(roll),
    sr = Math.sin(roll);
  return (out, i, centre, share) => {
    const x = out[i] - centre[0],
      y = out[i + 1] - centre[1],
      z = out[i + 2] - centre[2];
    const rolledX = x * cr - y * sr,
      rolledY = x * sr + y * cr;
    const turnedY = rolledY * cp - z * sp,
      turnedZ = rolledY * sp + z * cp;
    out[i] += share * (rolledX * cy + turnedZ * sy - x);
    out[i + 1] += share * (turnedY - y);
    out[i + 2] += share * (turnedZ * cy - rolledX * sy - z);
  };
}
