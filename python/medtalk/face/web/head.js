// The head: the same arithmetic as medtalk/rig/head.py, function by function. Millimetres; x to the character's left.

class Head {
  /** The head of the bytes of head.bin, and of `board`, which says which channel moves what (medtalk.face.page). */
  static async read(bytes, board) {
    return new Head(await unpack(bytes), board);
  }

  constructor(header, board) {
    const { vertices, triangles, colors, material, shape_index, shape_delta } = header.arrays;
    this.vertices = Float32Array.from(vertices, (count) => count * header.unit);
    this.count = this.vertices.length / 3;
    this.triangles = triangles;
    this.colors = colors;
    this.material = material;
    this.marks = header.marks;
    this.eyes = header.eyes;
    this.paint = { ...header.paint, height: header.sizes.paint[0], width: header.sizes.paint[1] };
    this.brows = header.arrays.paint;
    this.shapes = header.shapes.map(({ name, scale, first, count }) => ({
      name,
      index: shape_index.subarray(first, first + count),
      delta: Float32Array.from(shape_delta.subarray(3 * first, 3 * (first + count)), (step) => step * scale),
    }));
    this.table = this.shapes.map(({ name }) => board.table[name] ?? []);
  }

  /** How far forward a material comes at rest. */
  front(material) {
    return this.vertices.reduce((most, z, i) => (i % 3 === 2 && this.material[(i - 2) / 3] === material ? Math.max(most, z) : most), -Infinity);
  }

  /** What each shape gets: (174) values -> (S) weights. */
  weights(values) {
    return Float32Array.from(this.table, (row) => {
      let sum = 0;
      for (const [channel, factor] of row) sum += factor * values[channel];
      return Math.max(0, Math.min(1, sum));
    });
  }

  /** Where the vertices are: (174) values -> (3V), into `out` if it is given. */
  pose(values, out = new Float32Array(this.vertices.length)) {
    out.set(this.vertices);
    this.weights(values).forEach((weight, s) => {
      if (weight === 0) return;
      const { index, delta } = this.shapes[s];
      for (let i = 0; i < index.length; i++) {
        const v = 3 * index[i];
        out[v] += weight * delta[3 * i];
        out[v + 1] += weight * delta[3 * i + 1];
        out[v + 2] += weight * delta[3 * i + 2];
      }
    });
    return out;
  }

  /** Normals of length 1 of the vertices at `positions`, each the mean of its triangles' by area. */
  normals(positions, out = new Float32Array(positions.length)) {
    const { triangles } = this;
    out.fill(0);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
      const ux = positions[b] - positions[a], uy = positions[b + 1] - positions[a + 1], uz = positions[b + 2] - positions[a + 2];
      const vx = positions[c] - positions[a], vy = positions[c + 1] - positions[a + 1], vz = positions[c + 2] - positions[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      out[a] += x, out[a + 1] += y, out[a + 2] += z;
      out[b] += x, out[b + 1] += y, out[b + 2] += z;
      out[c] += x, out[c + 1] += y, out[c + 2] += z;
    }
    for (let v = 0; v < out.length; v += 3) {
      const length = Math.hypot(out[v], out[v + 1], out[v + 2]) || 1;
      out[v] /= length, out[v + 1] /= length, out[v + 2] /= length;
    }
    return out;
  }
}
